// What the picture modules say. The keys of sentences about what is wrong are the messages of their Errors.

export const pictureTexts = {
  en: {
    pictureUnreadable: "This is not a picture that your browser can read. It reads PNG, JPEG, WebP, GIF and BMP.",
    pictureTooManyBytes: "This file is larger than 60 MB. Choose a smaller picture.",
    pictureTooManyPixels: "This picture has more than 110 million pixels. Choose a smaller one.",
    drawingEmpty: "There is nothing to read yet: draw a digit with thick strokes.",
    cameraNeedsSecure: "Your browser gives the camera only to pages that are opened from a file or over https. "
      + "Take the photograph with a phone, or drop a file in.",
    cameraForbidden: "The camera was not allowed. Allow it in the browser's address bar, or drop a file in.",
    cameraMissing: "No camera was found. Drop a file in instead.",
    cameraTitle: "What the camera sees",
    cameraShoot: "Take the photograph",
    cameraCancel: "Cancel",
    padLabel: "Drawing pad: draw a digit with mouse, pen or finger. On the keyboard, the arrow keys move the pen, "
      + "Space sets it down and lifts it.",
    eraserLabel: "Eraser: rub over the image with mouse, pen or finger. On the keyboard, the arrow keys move it, "
      + "Space sets it down and lifts it, Ctrl+Z takes the last stroke back.",
    addressTooLong: "This address is too long for a QR code.",
  },
  ko: {
    pictureUnreadable: "브라우저가 읽을 수 있는 그림 파일이 아닙니다. PNG, JPEG, WebP, GIF, BMP 파일을 읽을 수 있습니다.",
    pictureTooManyBytes: "파일이 60 MB보다 큽니다. 더 작은 그림을 고르십시오.",
    pictureTooManyPixels: "그림의 픽셀이 1억 1천만 개보다 많습니다. 더 작은 그림을 고르십시오.",
    drawingEmpty: "아직 읽을 것이 없습니다. 숫자를 굵게 그리십시오.",
    cameraNeedsSecure: "카메라는 파일로 열었거나 https로 접속한 페이지에서만 쓸 수 있습니다. "
      + "휴대전화로 사진을 찍거나 그림 파일을 끌어다 놓으십시오.",
    cameraForbidden: "카메라 사용이 허용되지 않았습니다. 브라우저 주소창에서 허용하거나 그림 파일을 끌어다 놓으십시오.",
    cameraMissing: "사용할 수 있는 카메라가 없습니다. 그림 파일을 끌어다 놓으십시오.",
    cameraTitle: "카메라 화면",
    cameraShoot: "사진 찍기",
    cameraCancel: "취소",
    padLabel: "그림판: 마우스, 펜, 손가락으로 숫자를 그립니다. 키보드에서는 화살표 키로 펜을 옮기고 스페이스 바로 펜을 "
      + "내리거나 듭니다.",
    eraserLabel: "지우개: 마우스, 펜, 손가락으로 이미지를 문질러 지웁니다. 키보드에서는 화살표 키로 지우개를 옮기고 스페이스 "
      + "바로 내리거나 들며, Ctrl+Z로 마지막에 지운 것을 되돌립니다.",
    addressTooLong: "주소가 너무 길어 QR 코드로 만들 수 없습니다.",
  },
};
