"""Pictures of letters and digits drawn from free fonts: the data of the `glyphs-…` sample models.

    pictures(split, per_class)   (images u8 [N, 32, 32] in whole numbers 0 to 15, labels u8 [N])

A picture shows one character, moved, turned, slanted and scaled at random, often with parts of its neighbours and
a stroke across it, light on dark or dark on light, on an uneven ground with noise. The fonts are the Debian packages
of PACKAGES; each file is recognized by its SHA-256, so another version is an error and not another data set.
"""
import hashlib
import os
import pathlib
import typing

import numpy as np
from PIL import Image, ImageDraw, ImageFont

CLASSES = list("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
SIDE = 32
LEVELS = 16
OVERSAMPLED = 2 * SIDE
MASTER_SIDE = 96
MASTER_CAP_HEIGHT = 40
SEED_OF_SPLIT = {"training": 1, "train": 2, "calibration": 3, "eval": 4}


class Package(typing.NamedTuple):
    version: str
    licence: str
    source: str


class Font(typing.NamedTuple):
    file: str
    package: str
    sha256_start: str


VERA, OFL, APACHE = "Bitstream Vera", "OFL 1.1", "Apache 2.0"
PACKAGES = {
    "fonts-averia-serif-gwf": Package("1.00-2.1", OFL, "http://iotic.com/averia"),
    "fonts-b612": Package("1.008-3", OFL, "https://github.com/polarsys/b612"),
    "fonts-bebas-neue": Package("3.0-2", OFL, "https://dharmatype.com/bebas-neue"),
    "fonts-cabin": Package("1.5-3", OFL, "https://github.com/impallari/Cabin"),
    "fonts-cantarell": Package("0.303.1-1", OFL, "https://gitlab.gnome.org/GNOME/cantarell-fonts"),
    "fonts-comic-neue": Package("2.51-4", OFL, "https://github.com/crozynski/comicneue"),
    "fonts-courier-prime": Package("0+git20190115-3", OFL, "https://github.com/quoteunquoteapps/CourierPrime"),
    "fonts-crosextra-caladea": Package("20200211-1", OFL, "https://github.com/huertatipografica/Caladea"),
    "fonts-dejavu-core": Package("2.37-6", VERA, "https://dejavu-fonts.github.io/"),
    "fonts-dosis": Package("1.7-3", OFL, "http://www.impallari.com/dosis"),
    "fonts-karla": Package("20201218-1", OFL, "https://github.com/googlefonts/karla"),
    "fonts-kaushanscript": Package("1.02-2.1", OFL, "http://www.impallari.com/kaushan"),
    "fonts-lato": Package("2.0-2.1", OFL, "http://www.latofonts.com"),
    "fonts-liberation2": Package("2.1.5-1", OFL, "https://github.com/liberationfonts"),
    "fonts-open-sans": Package("1.11-2", APACHE, "https://www.opensans.com/"),
    "fonts-play": Package("1.002+20150307.1-0.1", OFL, "https://github.com/google/fonts/tree/main/ofl/play"),
    "fonts-quattrocento": Package("1.1-2.1", OFL, "http://www.impallari.com/quattrocento"),
    "fonts-quicksand": Package("0.2016-2.1", OFL, "https://fonts.google.com/specimen/Quicksand"),
    "fonts-roboto-slab": Package("1.100263+20170512-2", APACHE, "https://github.com/googlefonts/robotoslab"),
    "fonts-sil-andika": Package("6.101-2", OFL, "https://software.sil.org/andika"),
    "fonts-yanone-kaffeesatz": Package("2.0+git20211102+ds-1", OFL, "https://github.com/alexeiva/yanone-kaffeesatz"),
}
TRAIN_FONTS = [
    Font("DejaVuSans.ttf", "fonts-dejavu-core", "abdc775b21b1bc47"),
    Font("DejaVuSerif-Bold.ttf", "fonts-dejavu-core", "e2fd85eba2de65ac"),
    Font("DejaVuSansMono.ttf", "fonts-dejavu-core", "0f5db4f1749979d9"),
    Font("LiberationSans-Bold.ttf", "fonts-liberation2", "ba0e0dc3f7aca5b0"),
    Font("LiberationSerif-Regular.ttf", "fonts-liberation2", "29d12439831b7f59"),
    Font("LiberationMono-Bold.ttf", "fonts-liberation2", "29534b0aad22fa38"),
    Font("Lato-Regular.ttf", "fonts-lato", "0ad460bd756454f8"),
    Font("Lato-Black.ttf", "fonts-lato", "19d661d659af1297"),
    Font("Cantarell-Bold.otf", "fonts-cantarell", "027924588c05e5fb"),
    Font("OpenSans-CondBold.ttf", "fonts-open-sans", "a859a438018739ae"),
    Font("RobotoSlab-Regular.otf", "fonts-roboto-slab", "1ab154c4863f88a2"),
    Font("ComicNeue-Bold.otf", "fonts-comic-neue", "0637fea8f858cd1d"),
    Font("Courier Prime.otf", "fonts-courier-prime", "26bb2ce38aa96cdc"),
    Font("Cabin-SemiBold.otf", "fonts-cabin", "75d50013da1e82b7"),
    Font("Quicksand-Medium.ttf", "fonts-quicksand", "a758c1bccf8fb64e"),
    Font("Dosis-SemiBold.otf", "fonts-dosis", "3f7738b01ee64641"),
    Font("YanoneKaffeesatz-Regular.otf", "fonts-yanone-kaffeesatz", "23616269c15f7fff"),
    Font("KaushanScript-Regular.otf", "fonts-kaushanscript", "c007ebe4c813374e"),
]
EVAL_FONTS = [
    Font("Andika-Regular.ttf", "fonts-sil-andika", "202b96b1f174a4a4"),
    Font("Quattrocento-Regular.otf", "fonts-quattrocento", "7014c022b20092e5"),
    Font("Karla-Bold.otf", "fonts-karla", "7d871fac4800a919"),
    Font("AveriaSerifGWF-Regular.ttf", "fonts-averia-serif-gwf", "a4502cf136517262"),
    Font("Play-Bold.ttf", "fonts-play", "50210bae07996436"),
    Font("Caladea-Bold.ttf", "fonts-crosextra-caladea", "ae3cb2dcbc925809"),
    Font("B612-Regular.otf", "fonts-b612", "df7f7328313c175d"),
    Font("BebasNeue-Regular.otf", "fonts-bebas-neue", "db3c06e21117729f"),
]


def font_path(font):
    """Searched in the folder of the environment variable GLYPH_FONTS, else where Debian installs fonts."""
    folder = pathlib.Path(os.environ.get("GLYPH_FONTS", "/usr/share/fonts"))
    for path in sorted(folder.rglob(font.file)):
        if hashlib.sha256(path.read_bytes()).hexdigest().startswith(font.sha256_start):
            return path
    raise SystemExit(f"{font.file} of {font.package} {PACKAGES[font.package].version} is not under {folder}; "
                     f"install all with: apt-get install {' '.join(PACKAGES)}")


def fonts_text(fonts):
    """For a card: the fonts by licence."""
    def of(licence):
        return ", ".join(f.file.rsplit(".", 1)[0] for f in fonts if PACKAGES[f.package].licence == licence)

    return "; ".join(f"{licence}: {of(licence)}" for licence in (OFL, APACHE, VERA) if of(licence))


def masters(font):
    """Each class as a large grey picture, centred, every font's H equally high."""
    path = font_path(font)
    load = lambda size: ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
    trial = load(100)
    left, top, right, bottom = trial.getbbox("H")
    sized = load(100 * MASTER_CAP_HEIGHT / (bottom - top))
    result = []
    for character in CLASSES:
        box = sized.getbbox(character)
        picture = Image.new("L", (MASTER_SIDE, MASTER_SIDE))
        at = [MASTER_SIDE / 2 - (box[i] + box[i + 2]) / 2 for i in (0, 1)]
        ImageDraw.Draw(picture).text(at, character, fill=255, font=sized)
        result.append((picture, box[2] - box[0]))
    return result


def placed(master, matrix, shift):
    """The master drawn on the oversampled square: centre moved to `shift`, shape changed by `matrix`."""
    inverse = np.linalg.inv(matrix)
    offset = MASTER_SIDE / 2 - inverse @ (OVERSAMPLED / 2 + shift)
    data = (*inverse[0], offset[0], *inverse[1], offset[1])
    drawn = master.transform((OVERSAMPLED,) * 2, Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
    return np.asarray(drawn, np.float32) / 255


def ink(glyphs, label, rng):
    """How much of each oversampled pixel is covered, 0 to 1."""
    angle, slant = rng.normal(0, 0.13), rng.normal(0, 0.18)
    scale, stretch = np.exp(rng.normal(-0.05, 0.16)), np.exp(rng.normal(0, 0.12))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[scale * stretch, slant * scale], [0, scale / stretch]])
    shift = rng.normal(0, 3.0, 2)
    result = placed(glyphs[label][0], matrix, shift)
    for side in (-1, 1):
        if rng.random() < 0.5:
            other, width = glyphs[rng.integers(len(CLASSES))]
            away = (glyphs[label][1] + width) / 2 + rng.uniform(2, 8)
            beside = placed(other, matrix, shift + matrix @ np.array([side * away, 0]))
            result = np.maximum(result, beside)
    if rng.random() < 0.35:
        stroke = Image.new("L", (OVERSAMPLED,) * 2)
        ends = [tuple(rng.uniform(-4, OVERSAMPLED + 4, 2)) for _ in range(2)]
        ImageDraw.Draw(stroke).line(ends, fill=int(rng.uniform(90, 255)), width=int(rng.integers(1, 4)))
        result = np.maximum(result, np.asarray(stroke, np.float32) / 255)
    return result


def blurred(image, rng):
    """A 3 × 3 binomial blur, mixed in by a random amount."""
    padded = np.pad(image, 1, mode="edge")
    rows = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    amount = rng.uniform(0, 1)
    return (1 - amount) * image + amount * (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4


def picture(glyphs, label, rng):
    covered = ink(glyphs, label, rng).reshape(SIDE, 2, SIDE, 2).mean((1, 3))
    covered = blurred(covered, rng)
    contrast = rng.uniform(0.3, 0.9)
    y, x = np.mgrid[-1:1:SIDE * 1j, -1:1:SIDE * 1j]
    ground = rng.normal(0, 0.08) * x + rng.normal(0, 0.08) * y + rng.uniform(0, 1 - contrast)
    grey = ground + contrast * covered + rng.normal(0, rng.uniform(0.01, 0.07), covered.shape)
    if rng.random() < 0.5:
        grey = 1 - grey
    return np.clip(np.rint(grey * (LEVELS - 1)), 0, LEVELS - 1).astype(np.uint8)


def pictures(split, per_class):
    """The same pictures for the same arguments, in a random order; the fonts take turns. `eval` has its own fonts."""
    rng = np.random.default_rng([SEED_OF_SPLIT[split], 0])
    glyphs_of_font = [masters(font) for font in (EVAL_FONTS if split == "eval" else TRAIN_FONTS)]
    images, labels = [], []
    for turn in range(per_class * len(CLASSES)):
        label = turn % len(CLASSES)
        font_idx = (turn // len(CLASSES) + label) % len(glyphs_of_font)
        images.append(picture(glyphs_of_font[font_idx], label, rng))
        labels.append(label)
    order = rng.permutation(len(images))
    return np.stack(images)[order], np.array(labels, np.uint8)[order]
