// Every sentence of the page, in both languages. Names of controls that the notebooks' explorer has as well come with the catalog.

import { catalog } from "./catalog.js";
import { pictureTexts } from "./picture_texts.js";

export const texts = {
  en: {
    ...catalog.labels.en, ...pictureTexts.en,
    title: "What made the network decide?", presets: "Questions to begin with", link: "Link and QR code", theme: "dark or light",
    pictures: "Pictures", answer: "The answer in words", pick: "Network and image", ask: "What is asked", options: "How it is shown", network: "network",
    images: "images", draw: "Draw a digit", openFile: "Open a picture", photo: "Take a photo",
    ownHint: "Or paste a picture, or drop one anywhere. It never leaves this computer.",
    ownPicture: "your picture", ownDrawing: "your drawing",
    boxes: "annotated boxes", common: "one scale for both", erase: "Eraser", undo: "Undo", reset: "Start anew",
    fill: "rubbed places", fillMean: "mean colour", fillBlack: "black", left: "Left", right: "Right",
    formula: "Open the formula", formulaTitle: "The formula, opened",
    scores: "class scores", scoresEach: "class scores, each by itself", barsHint: "Bar: probability. Number: class score. Click a class to ask for it.",
    barsTwo: "Upper bar: left, lower bar: right.", barsErased: "The outline is the probability before rubbing.",
    predicted: "predicted",
    caption: "The caption that the network writes: choose the word to ask about", question: "question", questionColour: "about",
    kinds: ["which shape is the … one?", "is the … one left or right?", "is the … one up or down?"],
    lastLayer: "the last layer", noLayer: "(none to choose)", head: "head", trained: "trained", thrown: "thrown by dice", again: "Throw again",
    loading: "loading", loadingNetwork: "Loading the network: {network} …",
    titleOf: "{method} of {layer} for {class}", titleWithout: "{method} for {class}", byDice: " (head thrown by dice)",
    laidOver: "laid over the image", inputCaption: "{name}: {height} × {width} pixels",
    readAs: "Read as {class} ({percent}).", mapSays: "{title}: {height} × {width} {cells}, peak {peak}, strongest {place}.",
    mapEmpty: "{title}: the map is empty.", cells: "cells", pixels: "pixels",
    places: ["in the upper left", "at the top", "in the upper right", "at the left", "in the middle", "at the right", "in the lower left", "at the bottom", "in the lower right"],
    mapKeys: "The map alone: arrow keys go from cell to cell, Home to the strongest.",
    cellValue: "Row {row}, column {column}: {value}, {share} % of the peak.", cellSees: "The cell sees {height} × {width} pixels of the input (dashed).",
    cellSeesAll: "What this cell sees has no single place.", pixelValue: "Pixel row {row}, column {column}: {value}, {share} % of the scale.",
    cellHint: "Point at a map: its value, and the pixels that it sees.",
    strip: "Channels and their sum", channels: "channels in the sum", channelsLabel: "how many of the strongest channels are in the sum", allChannels: "all",
    ofChannels: "the strongest {count}", andTheRest: "+ the rest", runningSum: "Σ so far", wholeSum: "Σ over all k", theMap: "map for {class}", mapSoFar: "map so far",
    atCell: "at row {row}, column {column}", atStrongest: "at the strongest cell (row {row}, column {column})",
    "formulaGradCAM": "α: the mean of the slopes of the class score over all cells of channel k. Red adds to the score, blue takes from it.",
    "formulaCAM": "w: the weight of channel k in the head, which averages the channel and adds.",
    "formulaHiResCAM": "No mean: each cell keeps its own slope.", formulaNot: "The formula is shown for Grad-CAM, CAM and HiResCAM.",
    shareTitle: "This page as it is now", shareText: "Whoever opens this address sees the same network, image and question.",
    address: "address", copy: "Copy", copied: "Copied", close: "Close", qrLabel: "QR code of the address",
    shareOwn: "Your own picture is not in the address: the others see the network with its first image.",
    shareFile: "This page was opened from a file, so the address holds on this computer alone. `python3 course.py explore --ip 0.0.0.0` serves it to the hall.",
    squeezenetName: "photographs: SqueezeNet, 1,000 classes …", squeezenetTitle: "SqueezeNet: ImageNet's thousand classes",
    squeezenetText: "Its file (2.5 MB) and the names of its classes do not come with this page. Fetch them here, or download both and open them, or drop them on the page.",
    squeezenetFile: "squeezenet_v1.1.bin", squeezenetClasses: "imagenet_class_index.json", squeezenetFetch: "Fetch both now", squeezenetOpen: "Open the files",
    squeezenetFetching: "Fetching …", squeezenetFailed: "They could not be fetched from here. Download them by the two links, then open them.",
    squeezenetWrong: "This is not SqueezeNet's file: squeezenet_v1.1.bin is.",
    squeezenetNames: "This file does not hold the names of ImageNet's classes; imagenet_class_index.json does.", classNumber: "class {number}",
    fileMissing: "A file of this page is missing beside it. Keep the folder as it was built, with networks and images in it.",
    wrong: "Something went wrong: {error}",
  },
  ko: {
    ...catalog.labels.ko, ...pictureTexts.ko,
    title: "신경망은 무엇을 보고 답했을까?", presets: "먼저 볼 만한 질문", link: "링크와 QR 코드", theme: "어둡게 또는 밝게",
    pictures: "그림", answer: "답을 말로", pick: "신경망과 이미지", ask: "묻는 내용", options: "보여 주는 방법", network: "신경망",
    images: "이미지", draw: "숫자 그리기", openFile: "그림 열기", photo: "사진 찍기",
    ownHint: "그림을 붙여 넣거나 아무 데나 끌어다 놓아도 됩니다. 그림은 이 컴퓨터를 떠나지 않습니다.",
    ownPicture: "내 그림", ownDrawing: "직접 그린 숫자",
    boxes: "주석 상자", common: "같은 눈금으로", erase: "지우개", undo: "되돌리기", reset: "처음부터",
    fill: "지운 자리", fillMean: "평균 색", fillBlack: "검은색", left: "왼쪽", right: "오른쪽",
    formula: "수식 펼치기", formulaTitle: "펼친 수식",
    scores: "클래스 점수(class score)", scoresEach: "클래스 점수(클래스마다 따로)", barsHint: "막대는 확률, 숫자는 클래스 점수입니다. 클래스를 누르면 그 클래스를 묻습니다.",
    barsTwo: "위 막대가 왼쪽, 아래 막대가 오른쪽 신경망입니다.", barsErased: "테두리는 지우기 전의 확률입니다.",
    predicted: "예측",
    caption: "신경망이 쓴 캡션(caption): 물어볼 단어를 고르십시오", question: "질문", questionColour: "대상",
    kinds: ["… 것은 무슨 도형입니까?", "… 것은 왼쪽입니까, 오른쪽입니까?", "… 것은 위쪽입니까, 아래쪽입니까?"],
    lastLayer: "마지막 층", noLayer: "(고를 층 없음)", head: "헤드(head)", trained: "학습된 것", thrown: "주사위로 뽑은 것", again: "다시 던지기",
    loading: "불러오는 중", loadingNetwork: "신경망을 불러오고 있습니다: {network}",
    titleOf: "{class}에 대한 {layer}의 {method}", titleWithout: "{class}에 대한 {method}", byDice: " (주사위로 뽑은 헤드)",
    laidOver: "이미지 위에 겹침", inputCaption: "{name}: {height} × {width} 픽셀",
    readAs: "{class} 예측했습니다({percent}).", mapSays: "{title}: {height} × {width} {cells}, 최댓값 {peak}, 가장 센 곳은 {place}입니다.",
    mapEmpty: "{title}: 맵이 비어 있습니다.", cells: "칸", pixels: "픽셀",
    places: ["왼쪽 위", "위쪽", "오른쪽 위", "왼쪽", "가운데", "오른쪽", "왼쪽 아래", "아래쪽", "오른쪽 아래"],
    mapKeys: "맵: 화살표 키로 칸을 옮기고 Home 키로 가장 센 칸에 갑니다.",
    cellValue: "{row}행 {column}열: {value}, 최댓값의 {share} %입니다.", cellSees: "이 칸은 입력의 {height} × {width} 픽셀을 봅니다(점선).",
    cellSeesAll: "이 칸이 보는 곳은 한 자리로 정해지지 않습니다.", pixelValue: "{row}행 {column}열 픽셀: {value}, 눈금의 {share} %입니다.",
    cellHint: "맵을 가리키면 그 칸의 값과 그 칸이 보는 픽셀이 나타납니다.",
    strip: "채널과 그 합", channels: "더한 채널(channel)", channelsLabel: "가장 센 채널부터 몇 개를 더할지", allChannels: "전부",
    ofChannels: "가장 센 {count}개", andTheRest: "+ 나머지", runningSum: "지금까지의 Σ", wholeSum: "모든 k의 Σ", theMap: "{class}의 맵", mapSoFar: "지금까지의 맵",
    atCell: "{row}행 {column}열", atStrongest: "가장 센 칸({row}행 {column}열)",
    "formulaGradCAM": "α는 클래스 점수의 기울기(gradient)를 채널 k의 모든 칸에서 평균한 값입니다. 빨간 채널은 점수를 올리고 파란 채널은 내립니다.",
    "formulaCAM": "w는 채널의 평균을 더하는 헤드에서 채널 k의 가중치(weight)입니다.",
    "formulaHiResCAM": "평균을 내지 않고 칸마다 자기 기울기를 그대로 씁니다.", formulaNot: "수식은 Grad-CAM, CAM, HiResCAM에서 볼 수 있습니다.",
    shareTitle: "지금 이 화면", shareText: "이 주소를 열면 같은 신경망, 같은 이미지, 같은 질문이 나타납니다.",
    address: "주소", copy: "복사", copied: "복사했습니다", close: "닫기", qrLabel: "주소의 QR 코드",
    shareOwn: "내 그림은 주소에 들어 있지 않습니다. 다른 사람은 이 신경망의 첫 이미지를 봅니다.",
    shareFile: "파일로 연 페이지라서 이 주소는 이 컴퓨터에서만 통합니다. `python3 course.py explore --ip 0.0.0.0`을 실행하면 강의실에서 함께 볼 수 있습니다.",
    squeezenetName: "사진: SqueezeNet, 클래스 1,000개 …", squeezenetTitle: "SqueezeNet: ImageNet의 클래스 천 개",
    squeezenetText: "SqueezeNet의 파일(2.5 MB)과 클래스 이름은 이 페이지에 들어 있지 않습니다. 여기서 내려받거나, 두 파일을 따로 받아 열거나, 페이지에 끌어다 놓으십시오.",
    squeezenetFile: "squeezenet_v1.1.bin", squeezenetClasses: "imagenet_class_index.json", squeezenetFetch: "지금 내려받기", squeezenetOpen: "파일 열기",
    squeezenetFetching: "내려받고 있습니다.", squeezenetFailed: "여기서는 내려받을 수 없습니다. 두 링크로 받은 다음 파일을 여십시오.",
    squeezenetWrong: "SqueezeNet의 파일이 아닙니다. squeezenet_v1.1.bin이 필요합니다.",
    squeezenetNames: "ImageNet의 클래스 이름이 든 파일이 아닙니다. imagenet_class_index.json이 필요합니다.", classNumber: "클래스 {number}",
    fileMissing: "이 페이지 옆에 있어야 할 파일이 없습니다. networks와 images가 든 폴더를 만들어진 그대로 두십시오.",
    wrong: "문제가 생겼습니다: {error}",
  },
};

/** A sentence with its {places} filled in. */
export function filled(sentence, values) {
  return Object.entries(values).reduce((text, [key, value]) => text.replaceAll(`{${key}}`, () => value), sentence);
}

/** A Korean word with the ending 로 or 으로, as it is spoken; of Latin letters nobody knows without hearing them. */
export function towards(word) {
  const last = word.at(-1), digit = "영일이삼사오육칠팔구"[last] ?? last, code = digit.charCodeAt(0) - 0xAC00;
  if (code < 0 || code > 11171) return `${word}(으)로`;
  return code % 28 === 0 || code % 28 === 8 ? `${word}로` : `${word}으로`;         // no final consonant, or ㄹ
}
