import torch
from PIL import Image

from engine.painting.images import to_tensor

RED, BLUE = (255, 0, 0), (0, 0, 255)


def test_a_picture_is_cropped_to_its_middle():
    image = Image.new("RGB", (40, 10), BLUE)
    image.paste(RED, (15, 0, 25, 10))
    tensor = to_tensor(image, 10, 10)
    assert (tensor.shape, tensor.dtype) == ((1, 3, 10, 10), torch.float32)
    assert torch.equal(tensor[0, :, 5, 5], torch.tensor([1.0, 0.0, 0.0]))
    assert torch.equal(to_tensor(image, 40, 10)[0, :, 0, 0], torch.tensor([0.0, 0.0, 1.0]))
