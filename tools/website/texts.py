"""What the start page says, in both languages, and in Korean what the notebooks, which are in English, say of themselves.

{accuracy} and {found} are numbers of notebook 8, {notebooks}, {hours}, {decks} and {megabytes} are counted.
"""

START = {
    "en": {
        "file": "index.html", "other": ("ko.html", "ko", "한국어"), "contents": "Parts of this page",
        "title": "How a CNN decides, seen",
        "claim": "{accuracy} % accurate, and it was reading the ruler.",
        "case": "This network names defects in steel, and is right on {accuracy} % of its own test set. Its heat map shows what it goes "
                "by when it says <em>scratch</em>: the ruler that lay beside every scratch and beside nothing else. Where no ruler "
                "lies, it finds {found} % of the scratches.",
        "promise": "A course in {notebooks} notebooks on visual explanations of convolutional networks: how such maps are made (CAM, "
                   "Grad-CAM, Guided Grad-CAM), why they are right where they are, and how far to trust them.",
        "shown": "what it was shown", "went_by": "what it went by",
        "ask_it": "Ask this network yourself", "read": "Read the notebooks",
        "explorer": "Try it now",
        "explorer_text": "The course's networks run in your browser, on a phone too. Pick, draw or photograph an image, ask for a class, "
                         "see the map; rub places out and watch the scores move; open the formula and see the map add up.",
        "explorer_note": "Nothing is installed, and no image leaves your computer.",
        "open_explorer": "Open the explorer",
        "notebooks": "The notebooks",
        "notebooks_text": "{notebooks} notebooks, {hours} hours to work through. These are the pages as they ran, with every figure and "
                          "number; to work in them, open one in Colab or <a href='#install'>install the course</a>. The words "
                          "are in the <a href='notebooks/glossary.html'>glossary</a>, in English and in Korean.",
        "minutes": "{minutes} minutes",
        "lecture": "The lecture",
        "lecture_text": "{decks} decks, drawn from the same code as the notebooks. In a deck, <kbd>S</kbd> opens the speaker's view "
                        "with notes and clock, <kbd>?</kbd> lists the keys.",
        "all_decks": "All decks, in English and in Korean",
        "instructors": "For instructors",
        "instructors_list": [
            "<a href='instructor.html'>Run-sheet</a>: minutes, questions and the answers that students give, for one hour, an "
            "afternoon or six weeks (<a href='instructor.ko.html' lang='ko'>한국어</a>).",
            "<a href='capstone.html'>Capstone</a>: a graded project, three networks with a hidden flaw each, and your key.",
            "<code>python3 course.py explore --ip 0.0.0.0</code> serves the explorer to the lecture hall, with a QR code.",
            "<a href='{repository}/blob/main/classroom/README.md'>A class on a JupyterHub</a>: settings, and a simulated class."],
        "install": "Install",
        "install_text": "Python 3.11, 3.12 or 3.13 is all that is needed; the first call installs the rest (2.5 GB). Afterwards "
                        "everything runs without a network. <code>run</code> executes the notebooks, <code>lab</code> opens them.",
        "licence": "Code under the MIT License, text and figures under CC BY 4.0.",
        "repository": "Repository",
    },
    "ko": {
        "file": "ko.html", "other": ("index.html", "en", "English"), "contents": "이 페이지의 차례",
        "title": "CNN은 무엇을 보고 판단하는가",
        "claim": "정확도 {accuracy} %, 그런데 자를 보고 답했습니다.",
        "case": "이 신경망은 강판의 결함을 분류하며, 자체 시험 데이터에서 {accuracy} %를 맞힙니다. 무엇을 보고 <em>긁힘</em>이라고 "
                "하는지는 히트맵(heat map)에 드러납니다. 긁힘 옆에는 늘 자가 놓여 있었고, 다른 결함 옆에는 없었습니다. 자가 없는 사진에서는 "
                "긁힘의 {found} %만 찾아냅니다.",
        "promise": "합성곱 신경망(CNN)의 시각적 설명을 배우는 주피터 노트북 {notebooks}편입니다. 이런 맵을 만드는 방법(CAM, Grad-CAM, "
                   "Guided Grad-CAM), 그 방법이 옳은 까닭, 그리고 맵을 어디까지 믿을 수 있는지를 다룹니다.",
        "shown": "신경망이 본 사진", "went_by": "신경망의 판단 근거",
        "ask_it": "이 신경망에 직접 물어보기", "read": "노트북 읽기",
        "explorer": "바로 해 보기",
        "explorer_text": "강의에 나오는 신경망들이 브라우저 안에서 실행됩니다. 휴대전화에서도 됩니다. 이미지를 고르거나 그리거나 찍은 다음 "
                         "클래스를 물으면 맵이 나옵니다. 이미지를 문질러 지우면 점수가 바로 바뀌고, 수식을 펼치면 맵이 어떻게 더해지는지 보입니다.",
        "explorer_note": "설치할 것이 없으며, 이미지는 컴퓨터 밖으로 나가지 않습니다.",
        "open_explorer": "탐색기 열기",
        "notebooks": "노트북",
        "notebooks_text": "노트북 {notebooks}편이며, 모두 해 보는 데 {hours}시간쯤 걸립니다. 아래는 실행 결과를 그림과 수까지 그대로 담은 "
                          "페이지이고, 본문은 영어입니다. 직접 실행하려면 Colab에서 열거나 <a href='#install'>설치</a>하십시오. 용어는 "
                          "<a href='notebooks/glossary.html'>용어집</a>에 영어와 한국어로 정리했습니다.",
        "minutes": "{minutes}분",
        "lecture": "강의 슬라이드",
        "lecture_text": "슬라이드 덱 {decks}개이며, 그림은 모두 노트북과 같은 코드로 그립니다. 덱에서 <kbd>S</kbd>를 누르면 노트와 시계가 있는 "
                        "발표자 화면이 열리고, <kbd>?</kbd>를 누르면 단축키가 나옵니다.",
        "all_decks": "한국어와 영어 덱 전체",
        "instructors": "강의하시는 분께",
        "instructors_list": [
            "<a href='instructor.ko.html'>진행표</a>: 1시간, 반나절, 6주 과정의 시간 배분과 질문, 학생들이 흔히 하는 답 "
            "(<a href='instructor.html' lang='en'>English</a>).",
            "<a href='capstone.html'>기말 과제</a>: 결함이 하나씩 숨어 있는 신경망 세 개와 채점 기준입니다(영어).",
            "<code>python3 course.py explore --ip 0.0.0.0</code>을 실행하면 강의실에서 탐색기를 함께 쓸 수 있고, QR 코드도 나옵니다.",
            "<a href='{repository}/blob/main/classroom/README.md'>JupyterHub로 수업하기</a>: 설정 방법과 모의 수업입니다(영어)."],
        "install": "설치",
        "install_text": "Python 3.11, 3.12, 3.13 가운데 하나만 있으면 됩니다. 처음 실행할 때 나머지를 설치하며(2.5 GB), 그다음부터는 "
                        "인터넷 없이 모두 실행됩니다. <code>run</code>은 노트북을 실행하고, <code>lab</code>은 노트북을 엽니다.",
        "licence": "코드는 MIT 라이선스, 글과 그림은 CC BY 4.0입니다.",
        "repository": "저장소",
    },
}

# Title and promise of each notebook, as its first cell has them in English.
NOTEBOOKS_IN_KOREAN = {
    "01_cnn_basics": ("1 · CNN은 무엇을 계산하는가",
                      "합성곱 신경망의 부품을 하나씩 손으로 만들고, 매개변수를 세고, 학습시키고, 그 안을 들여다봅니다. 그래도 답하지 못하는 "
                      "질문이 하나 남습니다."),
    "02_cam_neu": ("2 · 강판 위의 CAM",
                   "열연 강판의 결함을 분류하는 신경망의 마지막 층을 열어, 클래스 점수가 어떤 맵의 평균일 뿐임을 확인합니다. 그래서 맵은 "
                   "점수가 어디에서 나왔는지 알려 줍니다."),
    "03_grad_cam_mnist": ("3 · Grad-CAM: 어느 층이든, 어느 클래스든, 어떤 출력부든",
                          "CAM으로는 설명할 수 없는 숫자 분류기에, 어느 획을 보고 9가 아니라 7이라고 했는지 묻습니다. 기울기만 있으면 되는 "
                          "수식 하나로 묻고, 그 답이 틀릴 수도 있는 시험을 치르게 합니다."),
    "04_grad_cam_vgg16": ("4 · 깊은 신경망의 Grad-CAM: VGG16",
                          "유명한 신경망의 매개변수를 모두 세고, 왜 고양이라고 하는지 묻고, 히트맵이 두 클래스를 언제 구별하는지 알아봅니다."),
    "05_cam_equivalence_proof": ("5 · Grad-CAM은 CAM을 포함한다: 증명과 그 한계",
                                 "GAP 출력부를 가진 신경망에서 CAM과 Grad-CAM의 관계를 다섯 줄로 증명하고, 강판에서 계산 정밀도까지 "
                                 "들어맞는지 확인한 다음, 증명이 무너지는 지점을 찾습니다."),
    "06_guided_grad_cam": ("6 · 선명한가, 클래스를 구별하는가? Guided Grad-CAM",
                           "클래스 점수를 픽셀까지 되돌리는 세 방법은 ReLU의 게이트 하나만 다릅니다. 그 게이트를 손으로 계산하고, 선명한 그림이 "
                           "클래스에 따라 달라지는지 시험하고, Grad-CAM과 결합합니다."),
    "07_localization_and_counterfactuals": ("7 · 맵은 결함을 가리키는가?",
                                            "히트맵을 상자와 수로 바꾸어, 열세 가지 맵을 전문가의 표시와, 그리고 아무것도 모르는 맵과 비교합니다. "
                                            "이어서 무엇이 바뀌면 답이 달라지는지 맵에 묻고 정말 그런지 확인합니다."),
    "08_can_you_trust_it": ("8 · 믿을 수 있는가?",
                            "보기 좋은 것만으로는 통과할 수 없는 시험을 히트맵에 치르게 하고, 정확도에 가려져 있던 사건 하나를 히트맵으로 "
                            "해결합니다."),
    "09_transfer_learning": ("9 · 전이 학습: 나만의 신경망",
                             "학습된 신경망에 새 출력부를 붙이고, 클래스마다 사진 스무 장으로 강판 결함 여섯 가지를 가르치고, 맵이 어떻게 바뀌는지 "
                             "봅니다. 직접 가져온 신경망도 설명합니다."),
    "10_captions_and_questions": ("10 · 캡션과 질문: 이름표 하나를 넘어서",
                                  "그림 한 장에 두 가지를 물어 맵이 움직이는 것을 보고, 장면 오백 개에서 물어본 곳을 가리키는지 재고, 캡션 한 "
                                  "단어의 맵이 어느 층에서 의미가 있는지 알아봅니다."),
    "11_attention": ("11 · 어텐션",
                     "작은 트랜스포머를 분해하고, 어텐션이 물음에 답하는지 시험하고, 답하는 맵으로 바꿉니다."),
    "12_clinic": ("12 · 클리닉: 이 맵은 어디가 잘못되었을까?",
                  "사람들이 실제로 저지르는 실수 스무 가지를 눈이 아니라 시험으로 찾아내고, 코드를 볼 수 없는 환자를 진단합니다."),
}
