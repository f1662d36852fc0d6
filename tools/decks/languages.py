"""The languages of the lecture: each one's folder in slides/, its name, and the words of the speaker's view.

The first is the one that the others translate. This order is also that of the texts in a figure's `say(...)`.
"""

LANGUAGES = {
    "en": {"name": "English",
           "next": "Next", "end": "End of the deck", "elapsed": "elapsed", "planned": "planned for this slide: minute",
           "restart": "restart the clock", "play": "Play",
           "lasts": "{} minutes", "lasts, with a short way": "{} minutes, the short way {}",
           "references": "References",
           "about references": "The papers that the slides name, in their order. For those who ask, and for the handout.",
           "help": "→ next · ← back · ↓ ↑ whole slides · P play · S speaker's view · O overview · F full screen"},
    "ko": {"name": "한국어",
           "next": "다음", "end": "슬라이드 끝", "elapsed": "경과", "planned": "이 슬라이드의 예정 시각(분):",
           "restart": "시계 다시 시작", "play": "재생",
           "lasts": "{}분", "lasts, with a short way": "{}분 (짧게 {}분)",
           "references": "참고 문헌",
           "about references": "슬라이드에서 인용한 논문을 나온 순서대로 모았습니다. 질문이 있을 때와 유인물에 쓰입니다.",
           "help": "→ 다음 · ← 이전 · ↓ ↑ 슬라이드 단위 · P 재생 · S 발표자 화면 · O 전체 보기 · F 전체 화면"},
}
