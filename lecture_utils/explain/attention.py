"""Attention as a map: which patches the tokens of a transformer looked at, block after block.

    A       attention of one block, (n, heads, tokens, tokens): the rows look, the columns are looked at; a row sums to 1
    R       what the tokens, after all blocks so far, have taken from the tokens at the beginning: (n, tokens, tokens)

Both methods go from block to block, R ← (what a block does) R. They differ in what a block is taken to do.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from . import engine


def attention_rollout(model, images, class_index=None, *, output=None, score=None, grid=None) -> NDArray[np.float32]:
    """Attention rolled out through all blocks: how much the score's token has taken from each patch.

        R = I, then for each block   R ← ½ (E_h A + I) R                          without a class (rollout)
                                     R ← R + E_h ReLU(∂y^c/∂A ⊙ A) R              with a class (gradient-weighted)

    E_h: mean over the heads; I: what flows past the attention, the residual connection. The first knows nothing of what
    was done with the tokens, nor of any class: its map is the same for each. The second counts attention as far as it
    raises the score of class c. Unlike elsewhere, None does not mean the predicted class.

    model: a network built of `keras.layers.MultiHeadAttention`, each among the tokens of one sequence, of which the last
        h w stand for places. If a token stands before them, the class token, its row of R is the map; if none does, as
        where the score averages all tokens, the mean of the rows.
    class_index, output, score, grid, images: as for `grad_cam`; with `score` the map is gradient-weighted, too.

    Returns float32 (n, h, w), one value for each patch, never negative; `cell_centres(model)` tells where they lie.
    Raises what `grad_cam` raises, and ValueError for a network without such attention, with attention from one sequence
    to another, or with another number of tokens in some blocks.

    >>> model, scenes = load_model("vit_shapes"), np.zeros((2, 64, 64, 3), "float32")
    >>> attention_rollout(model, scenes).shape
    (2, 8, 8)

    Abnar & Zuidema, Quantifying Attention Flow in Transformers, ACL 2020, section 3, arXiv:2005.00928. Gradient-weighted:
    Chefer, Gur & Wolf, Generic Attention-model Explainability for Interpreting Bi-Modal and Encoder-Decoder Transformers,
    ICCV 2021, eq. 5 and 6, arXiv:2103.15679.
    """
    weighted = class_index is not None or score is not None
    return engine.explain_attention(model, images, _gradient_rollout if weighted else _rollout,
                                    engine.score_of(class_index, output, score), weighted, grid)


def _rollout(A, _, grid):
    R = past = tf.eye(A[0].shape[-1])
    for A_b in A:
        R = (tf.reduce_mean(A_b, axis=1) + past) / 2 @ R                                # R ← ½ (E_h A + I) R
    return from_the_patches(R, grid)


def _gradient_rollout(A, dy_dA, grid):
    R = tf.eye(A[0].shape[-1])
    for A_b, g in zip(A, dy_dA, strict=True):
        R = R + tf.reduce_mean(tf.nn.relu(g * A_b), axis=1) @ R                         # R ← R + E_h ReLU(∂y/∂A ⊙ A) R
    return from_the_patches(R, grid)


def from_the_patches(R, grid):
    """What the score's token has taken from each patch, (n, h, w)."""
    patches = grid[0] * grid[1]
    taken = tf.reduce_mean(R, axis=1) if R.shape[-1] == patches else R[:, 0]
    return tf.reshape(taken[:, -patches:], (-1, *grid))
