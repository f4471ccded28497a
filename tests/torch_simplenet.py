"""SimpleNet in PyTorch; import it only where PyTorch is installed."""

import numpy as np
import torch


class FlattenChannelsLast(torch.nn.Module):
    def forward(self, values):
        return values.permute(0, 2, 3, 1).flatten(1)


def torch_simplenet(params: dict, pool_kind: str = "MaxPool2d") -> torch.nn.Module:
    """The network of `params` in PyTorch, whose layout is channels first; layer 7 is the ReLU before the map."""
    layers: list = []
    channels = 1
    for index, pool in enumerate([(1, 2), (1, 2), (2, 2)]):
        kernel = np.asarray(params[f"convolutions_{index}"]["kernel"])
        convolution = torch.nn.Conv2d(channels, kernel.shape[-1], 3)
        convolution.weight.data = torch.tensor(kernel.transpose(3, 2, 0, 1).copy())
        convolution.bias.data = torch.tensor(np.asarray(params[f"convolutions_{index}"]["bias"]))
        layers += [convolution, torch.nn.ReLU(), getattr(torch.nn, pool_kind)(pool)]
        channels = kernel.shape[-1]
    layers.append(FlattenChannelsLast())
    for name in ("dense", "output"):
        kernel = np.asarray(params[name]["kernel"])
        linear_layer = torch.nn.Linear(*kernel.shape)
        linear_layer.weight.data = torch.tensor(kernel.T.copy())
        linear_layer.bias.data = torch.tensor(np.asarray(params[name]["bias"]))
        layers += [linear_layer, torch.nn.ReLU()] if name == "dense" else [linear_layer]
    return torch.nn.Sequential(*layers).eval()
