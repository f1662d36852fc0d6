"""The languages of the lecture: each one's folder in slides/, its name, and the words of the player and its handouts.

The first is the one that the others translate. This order is also that of the texts in a figure's `say(...)`.
"""

LANGUAGES = {
    "en": {"name": "English",
           "next": "Next", "end": "End of the deck", "elapsed": "elapsed", "planned": "plan: minute", "short way": "short way",
           "ahead": "{} min ahead", "behind": "{} min behind", "on time": "on time",
           "hall black": "the hall's screen is black", "hall white": "the hall's screen is white",
           "restart": "start the clock again", "play": "Play",
           "lasts": "{} minutes", "lasts, with a short way": "{} minutes, the short way {}",
           "pdf": "PDF", "pdf_notes": "with notes", "pdf_blanks": "with blanks", "references": "References",
           "about references": "The papers that the slides name, in their order. For those who ask, and for the handout.",
           "help": "keys",
           "keys": {"→ Space": "on, step by step", "← Shift+Space": "back", "↓ ↑": "next, previous slide, without the steps",
                    "P": "play the animation, stop it", "B .": "black, and back", "W": "white, and back",
                    "L": "short way, long way", "S": "speaker's view", "O": "overview", "F": "full screen",
                    "Home End": "first slide, last slide", "?": "these keys"}},
    "ko": {"name": "한국어",
           "next": "다음", "end": "슬라이드 끝", "elapsed": "경과", "planned": "예정(분):", "short way": "짧은 진행",
           "ahead": "{}분 빠름", "behind": "{}분 늦음", "on time": "예정대로",
           "hall black": "강의실 화면 꺼짐(검정)", "hall white": "강의실 화면 꺼짐(흰색)",
           "restart": "시계 다시 시작", "play": "재생",
           "lasts": "{}분", "lasts, with a short way": "{}분 (짧게 {}분)",
           "pdf": "PDF", "pdf_notes": "노트 포함", "pdf_blanks": "빈칸 포함", "references": "참고 문헌",
           "about references": "슬라이드에서 인용한 논문을 나온 순서대로 모았습니다. 질문을 받았을 때와 유인물에 씁니다.",
           "help": "단축키",
           "keys": {"→ Space": "다음 단계", "← Shift+Space": "이전 단계", "↓ ↑": "단계를 건너뛰고 다음, 이전 슬라이드",
                    "P": "애니메이션 재생, 정지", "B .": "검은 화면, 다시 누르면 복귀", "W": "흰 화면, 다시 누르면 복귀",
                    "L": "짧은 진행, 전체 진행", "S": "발표자 화면", "O": "전체 보기", "F": "전체 화면",
                    "Home End": "첫 슬라이드, 마지막 슬라이드", "?": "단축키 보기"}},
}
