"""Small files of pictures, arrays, tables and idx, the same samples in each: tests/data/import/."""

import csv
import gzip
import pathlib
import struct

import numpy
from PIL import Image

OUT = pathlib.Path(__file__).parent.parent / "data" / "import"


def write_gz(path, content):
    with open(path, "wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
        packed.write(content)


def main():
    random = numpy.random.default_rng(7)
    OUT.mkdir(exist_ok=True)
    # Two pictures of each of three classes, in the order of a folder.
    pictures = random.integers(0, 256, (6, 8, 8), dtype=numpy.uint8)
    labels = numpy.repeat(numpy.arange(3), 2)
    for idx, (picture, label) in enumerate(zip(pictures, labels)):
        folder = OUT / "pictures" / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{idx}.{'bmp' if idx == 3 else 'png'}")
    numpy.savez_compressed(
        OUT / "same.npz", x_test=pictures, y_test=labels, x_train=pictures[:2], y_train=labels[:2]
    )
    numpy.savez(
        OUT / "fortran.npz",
        images=numpy.asfortranarray(pictures[:, None].astype(numpy.float64)),
        labels=numpy.eye(3, dtype=numpy.float32)[labels],
    )
    numpy.savez(
        OUT / "named.npz",
        X=pictures.astype(">i4")[..., None],
        targets=numpy.array(["ant", "bee", "cat"])[labels],
    )
    write_gz(
        OUT / "t10k-images-idx3-ubyte.gz", struct.pack(">4B3I", 0, 0, 8, 3, 6, 8, 8) + pictures.tobytes()
    )
    write_gz(
        OUT / "t10k-labels-idx1-ubyte.gz",
        struct.pack(">4BI", 0, 0, 8, 1, 6) + labels.astype(numpy.uint8).tobytes(),
    )
    with open(OUT / "same.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["label"] + [f"pixel {idx}" for idx in range(64)])
        for picture, label in zip(pictures, labels):
            rows.writerow([label, *picture.ravel()])
    # What Pillow makes of other sizes and of colours.
    wide = random.integers(0, 256, (2, 13, 20), dtype=numpy.uint8)
    resized = [Image.fromarray(p).resize((8, 8), Image.Resampling.BILINEAR) for p in wide]
    numpy.savez(OUT / "wide.npz", x=wide, y=[0, 1])
    numpy.save(OUT / "wide_resized.npy", numpy.stack([numpy.asarray(p) for p in resized]))
    colour = random.integers(0, 256, (8, 8, 3), dtype=numpy.uint8)
    (OUT / "colour").mkdir(exist_ok=True)
    Image.fromarray(colour).save(OUT / "colour" / "a.png")
    smooth = Image.fromarray(colour[:2, :2]).resize((8, 8), Image.Resampling.BICUBIC)
    smooth.save(OUT / "colour" / "b.jpeg", quality=95, subsampling=0)
    smooth.save(OUT / "colour" / "c.webp", lossless=True)
    Image.fromarray(colour).quantize(16).save(OUT / "colour" / "d.gif")
    expected = [numpy.asarray(Image.open(p).convert("RGB").convert("L")) for p in sorted((OUT / "colour").iterdir())]
    numpy.save(OUT / "colour_grey.npy", numpy.stack(expected))


main()
