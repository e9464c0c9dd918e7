import io
import json

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from engine.pictures.writing import png_bytes


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=300))
def test_texts_in_a_png_are_read_back_unchanged(text):
    drawn = Image.linear_gradient("L").resize((20, 10)).convert("RGB")
    data = png_bytes(drawn, {"Description": text, "imagine-bot request": json.dumps(text)})
    with Image.open(io.BytesIO(data)) as image:
        assert isinstance(image, PngImageFile)
        assert image.text["Description"] == text
        assert json.loads(image.text["imagine-bot request"]) == text
        assert image.convert("RGB").tobytes() == drawn.tobytes()
