"""Self-checks for the exercises: any right answer passes, each known wrong one is told what it mistook.

`judging` compares, `inputs` makes what is compared on, and each notebook has a module of its own.
"""

from .basics import check_conv_layer as check_conv_layer
from .basics import check_convolve as check_convolve
from .basics import check_parameters as check_parameters
from .basics import check_silence as check_silence
from .basics import check_window as check_window
from .boxes import check_box_score as check_box_score
from .boxes import check_counterfactual as check_counterfactual
from .boxes import check_iou as check_iou
from .boxes import check_pointing_game as check_pointing_game
from .cams import check_cam as check_cam
from .cams import check_class_score as check_class_score
from .cams import check_deciding_maps as check_deciding_maps
from .cams import check_retrofit as check_retrofit
from .cams import check_training as check_training
from .clinic import check_completeness as check_completeness
from .clinic import check_diagnosis as check_diagnosis
from .clinic import check_score_test as check_score_test
from .clinic import check_shuffled as check_shuffled
from .grad_cams import check_alpha as check_alpha
from .grad_cams import check_contrast as check_contrast
from .grad_cams import check_grad_cam as check_grad_cam
from .grad_cams import check_own_grad_cam as check_own_grad_cam
from .guided import check_guided_backprop as check_guided_backprop
from .guided import check_guided_gate as check_guided_gate
from .guided import check_guided_grad_cam as check_guided_grad_cam
from .guided import check_guided_relu as check_guided_relu
from .judging import Verdict as Verdict
from .judging import check_function as check_function
from .judging import check_number as check_number
from .proof import check_broken_heads as check_broken_heads
from .proof import check_cam_from_grad_cam as check_cam_from_grad_cam
from .proof import check_cam_weights as check_cam_weights
from .proof import check_effective_bias as check_effective_bias
from .proof import check_hirescam as check_hirescam
from .tokens import check_rollout as check_rollout
from .tokens import check_rollout_step as check_rollout_step
from .tokens import check_token_cam as check_token_cam
from .tokens import check_token_grad_cam as check_token_grad_cam
from .transfer import check_choose_epoch as check_choose_epoch
from .transfer import check_nested_grad_cam as check_nested_grad_cam
from .transfer import check_unfreeze as check_unfreeze
from .trust import check_insertion as check_insertion
from .trust import check_paired_interval as check_paired_interval
from .trust import check_randomization_test as check_randomization_test
from .trust import check_rank_correlation as check_rank_correlation
from .trust import check_repair as check_repair
from .vgg import check_all_classes as check_all_classes
from .vgg import check_normalize as check_normalize
from .vgg import check_share_in_box as check_share_in_box
from .words import check_blind as check_blind
from .words import check_film as check_film
from .words import check_max_head as check_max_head
from .words import check_word_map as check_word_map
