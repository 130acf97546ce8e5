"""Draws the small pictures by which the application shows the sample models: `NAME/picture.png`.

Each is made of what the sample set holds: pictures as they are, two features of the tumours by class, text.
Needs the sample sets, and the font of the application in `assets/fonts`.
"""
import argparse
import pathlib
import textwrap

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import common

HERE = pathlib.Path(__file__).parent
FONT = HERE.parent / "assets" / "fonts" / "JetBrainsMono-Regular.ttf"
SIZE = 192, 128
OVERSAMPLED = 4
GROUND, INK, SOFT, BLUE, ORANGE = "#14171b", "#d8dde3", "#6f7780", "#5aa9e6", "#f0a03c"


def mosaic(images, first, columns, rows):
    """The first of the pictures side by side, each pixel as large as fits."""
    side = images.shape[1]
    cell = SIZE[0] // columns, SIZE[1] // rows
    tile_side = side * 3 if 3 * side < min(cell) else min(cell) - 1
    gap = (cell[0] - tile_side) // 2, (cell[1] - tile_side) // 2
    picture = Image.new("L", SIZE, 20)
    low, high = float(images.min()), float(images.max())
    for index in range(columns * rows):
        grey = (images[first + index].astype(np.float64) - low) / max(high - low, 1e-9) * 235 + 20
        tile = Image.fromarray(grey.round().astype(np.uint8), "L")
        filter_ = Image.Resampling.NEAREST if tile_side > side else Image.Resampling.LANCZOS
        tile = tile.resize((tile_side, tile_side), filter_)
        picture.paste(tile, (index % columns * cell[0] + gap[0], index // columns * cell[1] + gap[1]))
    return picture.convert("RGB")


def pictures_of(folder, columns, rows):
    tensors, metadata = common.read_file(folder / "eval.safetensors")
    inputs = tensors["inputs"]
    return mosaic(inputs.reshape(len(inputs), *inputs.shape[1:3]), 0, columns, rows)


def scatter(folder, across, up):
    """Two features of every tumour, malignant ones as squares."""
    tensors, metadata = common.read_file(folder / "eval.safetensors")
    header = metadata["quantscope.samples"]
    labels = tensors["labels"]
    values = tensors["inputs"].reshape(len(labels), -1)[:, [across, up]]
    low, high = np.percentile(values, [1, 99], axis=0)
    at = np.clip((values - low) / (high - low), -0.02, 1.02)
    width, height = (OVERSAMPLED * length for length in SIZE)
    picture = Image.new("RGB", (width, height), GROUND)
    draw = ImageDraw.Draw(picture)
    malignant = header["classes"].index("malignant")
    for (x, y), label in sorted(zip(at.tolist(), labels.tolist()), key=lambda item: item[1] == malignant):
        x, y = (0.08 + 0.84 * x) * width, (0.92 - 0.84 * y) * height
        reach = 2.2 * OVERSAMPLED
        box = x - reach, y - reach, x + reach, y + reach
        if label == malignant:
            draw.rectangle(box, fill=ORANGE)
        else:
            draw.ellipse(box, outline=BLUE, width=OVERSAMPLED)
    return picture.resize(SIZE, Image.Resampling.LANCZOS)


def text_of(folder):
    """The first tokens of the set as text, and where the next would stand."""
    _, model = common.read_file(folder / "model.safetensors")
    vocabulary = model["quantscope.card"]["vocabulary"]
    tensors, _ = common.read_file(folder / "eval.safetensors")
    words = "".join(vocabulary[token] for token in tensors["tokens"][0]).replace("\n", " ")
    picture = Image.new("RGB", tuple(OVERSAMPLED * length for length in SIZE), GROUND)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.truetype(str(FONT), 15 * OVERSAMPLED)
    line_height, columns = 20 * OVERSAMPLED, 19
    lines = textwrap.wrap(words, columns)[:5]
    for line, text in enumerate(lines):
        shown = text if line < 4 else text[:-4]
        at = 10 * OVERSAMPLED, 12 * OVERSAMPLED + line * line_height
        draw.text(at, shown, INK if line < 4 else SOFT, font)
    left = 10 * OVERSAMPLED + draw.textlength(lines[-1][:-4], font)
    top = 14 * OVERSAMPLED + 4 * line_height
    draw.rectangle((left, top, left + 8 * OVERSAMPLED, top + 14 * OVERSAMPLED), fill=ORANGE)
    return picture.resize(SIZE, Image.Resampling.LANCZOS)


DRAWN = {
    "digits": lambda folder: pictures_of(folder, 6, 4),
    "glyphs-mobilenet": lambda folder: pictures_of(folder, 6, 4),
    "glyphs-resnet": lambda folder: mosaic(common.read_file(folder / "eval.safetensors")[0]["inputs"], 24, 6, 4),
    "tumor": lambda folder: scatter(folder, 23, 27),
    "tiny-lm": text_of,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=sorted(DRAWN), help="the samples to draw; all of them if none is named")
    for name in parser.parse_args().names:
        picture = DRAWN[name](HERE / name).quantize(64)
        picture.save(HERE / name / "picture.png", optimize=True)
        print(name, (HERE / name / "picture.png").stat().st_size, "bytes")
