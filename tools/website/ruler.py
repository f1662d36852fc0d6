"""The course in one look: the case of notebook 8, its picture and its numbers, as the committed notebook has them."""
import io

import numpy as np
from PIL import Image

from ..decks.code import line_of, numbers, panels, pictured

NOTEBOOK = "08_can_you_trust_it"
PLATES = 4      # of scratches, which the notebook shows in a row, above the row of their maps
SHOWN = 0       # the one of them whose scratch nobody overlooks
GAP = 20        # pixels between plate and map in `cover`
ALT = ("A plate of steel with a plain bright scratch, and in its lower left corner a white ruler; beside it the same plate under "
       "the heat map of the class scratches, which lies on the ruler and not on the scratch.")
ALT_KO = ("밝은 긁힘이 뚜렷한 강판의 왼쪽 아래에 흰 눈금자가 놓여 있고, 그 옆에는 같은 강판에 긁힘 클래스의 "
          "히트맵을 겹친 그림이 있습니다. 히트맵은 긁힘이 아니라 자 위에 있습니다.")


def accuracy():
    """Right answers of the delivered network on its own test set, in per cent."""
    return numbers(line_of(NOTEBOOK, "own, own_classes = per_class(delivered_net", "on its own test set:"))[0]


def found_in_the_field():
    """Scratches that it recognises where no ruler lies, in per cent."""
    return numbers(line_of(NOTEBOOK, "field, field_classes = per_class(delivered_net", "   scratches"))[0]


def plate_and_map():
    """Two pictures, (height, width, 3) uint8 each: what the network was shown, and what it went by."""
    pictures = panels(pictured(NOTEBOOK, "scratched = np.flatnonzero("))
    return [np.round(255 * pictures[k]).astype(np.uint8) for k in (SHOWN, PLATES + SHOWN)]


def cover():
    """Plate and map side by side, as a PNG that is transparent between them: GitHub shows it on white and on black."""
    plate, map_ = (np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)]) for picture in plate_and_map())
    file = io.BytesIO()
    Image.fromarray(np.hstack([plate, np.zeros((len(plate), GAP, 4), np.uint8), map_])).save(file, format="PNG", optimize=True)
    return file.getvalue()
