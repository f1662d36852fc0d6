"""The twenty cases: the one list."""

from ..language import say, worded
from . import conclusions, drawing, examinations, inputs, maps, networks
from .findings import WARDS, Case

_DIFFERENTIATED, _WENT_IN, _DRAWN, _NETWORK, _CONCLUDED = WARDS


def _map(number, name, ward, complaint, test):
    """A case of a heat map's code: mended, all of them are the same function."""
    return Case(number, name, ward, complaint, maps.FAULTS[name], maps.sound, test)


CASES = (
    _map(1, "softmax", _DIFFERENTIATED,
         worded("The surer the network, the paler its map; for its best answers the map is black."), examinations.rival_bias),
    _map(2, "predicted class", _DIFFERENTIATED, worded("I ask for the dog, and the map shows the cat."),
         examinations.class_asked),
    _map(3, "½‖y‖²", _DIFFERENTIATED, worded("The maps look fine, but all classes have the same one."),
         examinations.doubled_head),
    _map(4, "early ReLU", _DIFFERENTIATED, worded("The map covers everything, what speaks against the class as well."),
         examinations.for_and_against),
    _map(5, "one sigmoid", _DIFFERENTIATED, worded("Defect or no defect: both maps are the same."), examinations.two_sides),
    _map(6, "over the batch", _DIFFERENTIATED, worded("The map of one picture changes with the pictures beside it."),
         examinations.in_company),
    Case(7, "BGR", _WENT_IN, worded("Asked about the red object, it points to the blue one."),
         inputs.as_opencv_reads, inputs.in_rgb, inputs.channel_orders),
    Case(8, "not normalized", _WENT_IN, worded("On my own files the network says nearly always the same."),
         inputs.not_normalized, inputs.in_rgb, inputs.scales),
    Case(9, "min-max", _DRAWN, worded("Even for a class that is not there, a spot is bright red."),
         drawing.min_max, drawing.by_the_maximum, drawing.nothing_in_favour),
    Case(10, "rainbow", _DRAWN, worded("My map has a bright ring around the spot, and in grey print the spot is dark."),
         drawing.rainbow, drawing.even_colours, drawing.rising_lightness),
    Case(11, "off its place", _DRAWN, worded("All my maps lie a little too far to the lower right."),
         drawing.stretched, drawing.at_the_cells, drawing.a_dot),
    _map(12, "cut off", _NETWORK, worded("The pretrained backbone raised 'graph disconnected'; now it runs, but the map is odd."),
         examinations.wrapped),
    _map(13, "training mode", _NETWORK, worded("Two runs, two maps, and the network got worse meanwhile."),
         examinations.model_afterwards),
    Case(14, "zero padding", _NETWORK, worded("The corners are lit in every map, whatever the picture."),
         networks.padded_with_zeros, networks.padded_with_the_rim, networks.an_even_picture),
    Case(15, "wrong row", _NETWORK, worded("The transformer's attention lies on the empty ground."),
         networks.column, networks.row, networks.a_known_glance),
    Case(16, "dead class", _NETWORK, worded("It never says 8 or 9, and the map of the 9 is pale."),
         networks.first_part, networks.shuffled_part, networks.every_class),
    Case(17, "shortcut", _CONCLUDED, worded("97 % with the supplier; in our mill it finds no scratch."),
         conclusions.as_delivered, conclusions.ruler_covered, conclusions.the_ruler_laid),
    Case(18, "swapped labels", _CONCLUDED, worded("The map lies on the patches, and the network calls them pits."),
         conclusions.sorted_names, conclusions.names_as_trained, conclusions.names_exchanged),
    _map(19, "activations", _CONCLUDED, worded("Trained or not, the map shows the object: what a good method."),
         examinations.random_head),
    Case(20, "tuned on the test", _CONCLUDED, worded("62 % on our test set, 50 % on the next one."),
         conclusions.best_threshold, conclusions.threshold_from_one_half, conclusions.labels_shuffled),
)


def case(name) -> Case:
    """The case of a name or a number. Raises ValueError for one that there is not."""
    for each in CASES:
        if name in (each.name, each.number):
            return each
    raise ValueError(say("there is no case {name!r}; the cases are {names}", name=name,
                         names=", ".join(each.name for each in CASES)))


def ward(number) -> list[Case]:
    """The cases of ward 1 to 5."""
    return [each for each in CASES if each.ward == say(WARDS[number - 1])]
