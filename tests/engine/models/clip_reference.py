"""CLIP's towers as plain formulas, to hold the perceptor to.

Radford et al. 2021 (section 2.4), Dosovitskiy et al. 2020 (the picture transformer), Vaswani et al.
2017 (attention), Hendrycks and Gimpel 2016 (GELU, and its approximation x * sigmoid(1.702 x), which
OpenAI's code calls QuickGELU). Names of weights are those of the checkpoints.
"""

import math

import torch


def layer_norm(x, state, name):
    centred = x - x.mean(-1, keepdim=True)
    scaled = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    return scaled * state[f"{name}.weight"] + state[f"{name}.bias"]


def attention(x, state, name, heads, causal):
    """softmax(q k^T / sqrt(d)) v in each of ``heads``; x is [L, W]."""
    length, width = x.shape
    rows = x @ state[f"{name}.in_proj_weight"].T + state[f"{name}.in_proj_bias"]
    q, k, v = (part.reshape(length, heads, -1).transpose(0, 1) for part in rows.chunk(3, dim=1))
    scores = q @ k.transpose(1, 2) / math.sqrt(width // heads)
    if causal:
        later = torch.ones(length, length, dtype=torch.bool).triu(1)
        scores = scores.masked_fill(later, -math.inf)
    mixed = (scores.softmax(-1) @ v).transpose(0, 1).reshape(length, width)
    return mixed @ state[f"{name}.out_proj.weight"].T + state[f"{name}.out_proj.bias"]


def activation(x, quick):
    if quick:
        return x / (1 + (-1.702 * x).exp())
    return x * (1 + torch.erf(x / math.sqrt(2))) / 2


def transformer(x, state, name, heads, quick, causal=False):
    layers = len(
        {key.split("resblocks.")[1].split(".")[0] for key in state if key.startswith(name)}
    )
    for i in range(layers):
        block = f"{name}resblocks.{i}"
        x = x + attention(
            layer_norm(x, state, f"{block}.ln_1"), state, f"{block}.attn", heads, causal
        )
        inner = layer_norm(x, state, f"{block}.ln_2") @ state[f"{block}.mlp.c_fc.weight"].T
        inner = activation(inner + state[f"{block}.mlp.c_fc.bias"], quick)
        x = x + inner @ state[f"{block}.mlp.c_proj.weight"].T + state[f"{block}.mlp.c_proj.bias"]
    return x


def encode_image(state, picture, heads, quick, mean, std):
    """The unit vector of a picture [3, S, S] in 0..1."""
    normal = (picture - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    kernel = state["visual.conv1.weight"]
    side = kernel.shape[-1]
    patches = normal.unfold(1, side, side).unfold(2, side, side)  # [3, g, g, side, side]
    tokens = patches.permute(1, 2, 0, 3, 4).flatten(0, 1).flatten(1) @ kernel.flatten(1).T
    tokens = torch.cat([state["visual.class_embedding"][None], tokens])
    tokens = layer_norm(tokens + state["visual.positional_embedding"], state, "visual.ln_pre")
    tokens = transformer(tokens, state, "visual.transformer.", heads, quick)
    vector = layer_norm(tokens[0], state, "visual.ln_post") @ state["visual.proj"]
    return vector / vector.norm()


def encode_text(state, ids, heads, quick):
    """The unit vector of a row of tokens [context_length]."""
    tokens = state["token_embedding.weight"][ids] + state["positional_embedding"]
    tokens = transformer(tokens, state, "transformer.", heads, quick, causal=True)
    # The end of the text has the largest id.
    vector = layer_norm(tokens[ids.argmax()], state, "ln_final") @ state["text_projection"]
    return vector / vector.norm()
