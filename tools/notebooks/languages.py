"""The languages of the notebooks: the words that stand alike in all notebooks of a language, and on their pages.

The first is the one that the others translate; it lies in notebooks/, each other in a folder of its code. What commands say
is in the package's catalogue; `say` and `worded` are the package's, had without it: course.py says things before there is any.
"""
import importlib.util
import os
import pathlib
import unicodedata

SPEECH = pathlib.Path(__file__).resolve().parents[2] / "lecture_utils" / "language" / "__init__.py"     # imports nothing
LANGUAGES = ("en", "ko")

WORDS = {
    "en": {"name": "English",
           # the rows of the title table that the metadata know too, and the links of a page
           "facts": {"minutes": "Minutes", "cpu_seconds": "CPU seconds", "download_mb": "Download (MB)"},
           "able": "You will be able to", "first": "You need first",
           "map": "notebook | you will be able to | minutes",       # the heads of README.md's table
           "badge": "Open in Colab", "course": "How a CNN decides, seen",
           "all": "All notebooks", "glossary": "Glossary · 용어집", "contents": "Contents", "skip": "Skip to the text",
           "neighbours": "Previous and next",
           "ran": "The notebooks as they just ran on this computer. To work in them: <code>python3 course.py lab</code>.",
           "words": "Their words, in English and in Korean:",
           "times": "{minutes} minutes to work through · ran in {seconds:.0f} s ({cpu_seconds:.0f} s CPU)",
           "stopped": "Stopped.",
           # what `course.py lab` says
           "copied": "Copied into {folder}/, to work in: {names}.",
           "outrun": "{mine}: the course's notebook has changed since your copy. Yours stays as it is; for the new one beside "
                     "it, rename yours and run this command again.",
           "unreadable": "{path} can't be read ({error}). `python3 course.py update` moves it into {mine}/ and puts the course's "
                         "own in its place.",
           "no room": "The notebooks could not be copied into {folder} ({error}). Make room there, and run the same command "
                      "again; what is in the folder is as it was.",
           # the instructor's edition
           "edition": "instructor's edition", "why": "Why.", "answers": "Answers."},
    "ko": {"name": "한국어",
           "facts": {"minutes": "소요 시간(분)", "cpu_seconds": "CPU 시간(초)", "download_mb": "내려받기(MB)"},
           "able": "배우고 나면", "first": "먼저 볼 것",
           "map": "노트북 | 배우고 나면 | 소요 시간(분)",
           "badge": "Colab에서 열기", "course": "CNN은 무엇을 보고 판단하는가",
           "all": "노트북 목록", "glossary": "용어집", "contents": "차례", "skip": "본문으로 건너뛰기",
           "neighbours": "이전 노트북과 다음 노트북",
           "ran": "이 컴퓨터에서 방금 실행한 노트북입니다. 직접 고쳐 가며 실행하려면 "
                  "<code>python3 course.py lab --lang ko</code>를 쓰십시오.",
           "words": "강의에 나오는 용어:",
           "times": "공부하는 데 {minutes}분 · 실행 {seconds:.0f}초 (CPU {cpu_seconds:.0f}초)",
           "stopped": "중단되었습니다.",
           "copied": "{folder}/ 폴더에 실습용 사본을 만들었습니다: {names}.",
           "outrun": "{mine}: 사본을 만든 뒤에 강의 노트북이 바뀌었습니다. 사본은 그대로 둡니다. 새 노트북을 나란히 "
                     "두려면 사본의 이름을 바꾸고 이 명령을 다시 실행하십시오.",
           "unreadable": "{path} 파일을 읽을 수 없습니다({error}). `python3 course.py update`를 실행하면 이 파일을 "
                         "{mine}/ 폴더로 옮기고 강의의 노트북을 제자리에 돌려놓습니다.",
           "no room": "{folder} 폴더에 노트북을 복사하지 못했습니다({error}). 저장 공간을 마련하고 같은 명령을 다시 "
                      "실행하십시오. 폴더에 있던 파일은 그대로입니다.",
           "edition": "강의자용", "why": "이유.", "answers": "정답."},
}

# What the bootstrap cell says, as in `translation`: English -> own.
BOOTSTRAP = {"ko": {
    "#@title Find the course; on Colab, clone it first. Silent when all is well.":
        "#@title 강의 파일을 찾습니다. Colab에서는 먼저 내려받습니다. 이상이 없으면 아무 말도 하지 않습니다.",
    "# the sentence alone": "# 문장만 표시",
    "# whoever owns that name could send what they like": "# 그 이름의 주인이 무엇이든 보낼 수 있는 주소",
    "{address} is only a placeholder: set COURSE_REPOSITORY to the course's own address.":
        "{address}는 자리만 채운 주소입니다. COURSE_REPOSITORY에 이 강의의 실제 주소를 넣으십시오.",
    "No course around {Path.cwd()}: run `git clone {address}` and open this notebook in the clone.":
        "{Path.cwd()} 주변에 강의 파일이 없습니다. `git clone {address}`를 실행하고, 내려받은 폴더에서 이 노트북을 여십시오.",
    "The course could not be cloned; check the network and run this cell again. {done.stderr}":
        "강의 파일을 내려받지 못했습니다. 네트워크를 확인하고 이 셀을 다시 실행하십시오. {done.stderr}",
}}


def load_speech():
    spec = importlib.util.spec_from_file_location("speech_without_package", str(SPEECH))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.say, module.worded


say, worded = load_speech()


def columns(text):
    """How many columns a text takes where every letter has the same width: a Korean one has two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def padded(text, width):
    """The text and as many spaces as make it `width` columns wide."""
    return text + " " * (width - columns(text))


def folder(root, language):
    """Where the notebooks of a language lie."""
    return root / "notebooks" if language == LANGUAGES[0] else root / "notebooks" / language


def wanted():
    """The language that COURSE_LANG asks of all commands; English where it names none that there is."""
    asked = os.environ.get("COURSE_LANG", LANGUAGES[0])
    return asked if asked in LANGUAGES else LANGUAGES[0]


def add_language(parser, default=None):
    """Let the command of `parser` ask for a language by `--lang ko`; course.py has read it as well, for what is said."""
    parser.add_argument("--lang", choices=LANGUAGES, default=default, help="language (COURSE_LANG, or else en)")
