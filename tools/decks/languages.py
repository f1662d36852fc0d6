"""The languages of the lecture: each one's folder in slides/, its name, and the words of the speaker's view.

The first is the one that the others translate. This order is also that of the texts in a figure's `say(...)`.
"""

LANGUAGES = {
    "en": {"name": "English",
           "next": "Next", "end": "End of the deck", "elapsed": "elapsed", "planned": "planned for this slide: minute",
           "restart": "restart the clock", "play": "Play", "minutes": "min",
           "help": "→ next · ← back · ↓ ↑ whole slides · P play · S speaker's view · O overview · F full screen"},
    "ko": {"name": "한국어",
           "next": "다음", "end": "슬라이드 끝", "elapsed": "경과", "planned": "이 슬라이드의 예정 시각(분):",
           "restart": "시계 다시 시작", "play": "재생", "minutes": "분",
           "help": "→ 다음 · ← 이전 · ↓ ↑ 슬라이드 단위 · P 재생 · S 발표자 화면 · O 전체 보기 · F 전체 화면"},
}
