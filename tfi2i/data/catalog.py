"""The data sets that have a name: what each holds and where it comes from. `named` opens them."""

from dataclasses import dataclass
from typing import Literal

PIX2PIX_PAGE = "https://phillipi.github.io/pix2pix/"
PIX2PIX_MIRRORS = (
    "https://efrosgans.eecs.berkeley.edu/pix2pix/datasets/{name}.tar.gz",
    "http://efrosgans.eecs.berkeley.edu/pix2pix/datasets/{name}.tar.gz",
    "https://people.eecs.berkeley.edu/~tinghuiz/projects/pix2pix/datasets/{name}.tar.gz",
)
CYCLE_GAN_PAGE = "https://junyanz.github.io/CycleGAN/"
CYCLE_GAN_MIRRORS = (
    "https://efrosgans.eecs.berkeley.edu/cyclegan/datasets/{name}.zip",
    "http://efrosgans.eecs.berkeley.edu/cyclegan/datasets/{name}.zip",
)


@dataclass(frozen=True)
class Entry:
    """A named data set.

    Attributes:
        description: one line.
        kind: pairs, whose A and B show the same thing; two domains; labelled images; images.
        splits: that the set has.
        obtained: how it comes to the user's machine.
        terms: licence or conditions of use, as far as the publisher is known to state them.
        a, b: what the domains are, of a set that has two.
        builder: name of the tensorflow-datasets builder; None is a set that is drawn by this package.
        sha256: of the archive. The pix2pix authors publish none; None trusts the first download and verifies against
            it ever after (see `download.fetch`). Those of the CycleGAN sets are what tensorflow-datasets records.
    """

    description: str
    kind: Literal["pairs", "domains", "labelled", "images"]
    splits: tuple[str, ...]
    obtained: str
    terms: str
    a: str | None = None
    b: str | None = None
    builder: str | None = None
    sha256: str | None = None


_FROM_AUTHORS = "downloaded from the authors' server, {}"

CATALOG: dict[str, Entry] = {
    "synthetic_facades": Entry(
        description="Town houses drawn on demand, at any size; for trying things out before any download",
        kind="pairs",
        a="photo-like rendering",
        b="label map in 11 colours",
        splits=("train", "val", "test"),
        obtained="drawn by the package",
        terms="the package's own licence",
    ),
    "facades": Entry(
        description="CMP Facade Database: 606 facades, trained from labels to photos (BtoA)",
        kind="pairs",
        a="photo",
        b="label map",
        splits=("train", "val", "test"),
        obtained=_FROM_AUTHORS.format("30 MB"),
        terms="R. Tylecek and R. Sara, 2013; non-commercial research",
        builder="pix2pix/facades",
    ),
    "cityscapes": Entry(
        description="Street scenes of the Cityscapes training set, trained from labels to photos (BtoA)",
        kind="pairs",
        a="photo",
        b="label map",
        splits=("train", "val"),
        obtained=_FROM_AUTHORS.format("100 MB"),
        terms="Cityscapes: non-commercial, see cityscapes-dataset.com/license",
        builder="pix2pix/cityscapes",
    ),
    "maps": Entry(
        description="Aerial photos of New York and maps of the same places",
        kind="pairs",
        a="aerial photo",
        b="map",
        splits=("train", "val"),
        obtained=_FROM_AUTHORS.format("240 MB"),
        terms="from Google Maps, whose terms apply; non-commercial research",
        builder="pix2pix/maps",
    ),
    "edges2shoes": Entry(
        description="50,000 shoes of UT Zappos50K and their edges",
        kind="pairs",
        a="edges",
        b="photo",
        splits=("train", "val"),
        obtained=_FROM_AUTHORS.format("2 GB"),
        terms="UT Zappos50K: academic, non-commercial use",
        builder="pix2pix/edges2shoes",
    ),
    "edges2handbags": Entry(
        description="137,000 handbags of the iGAN project and their edges",
        kind="pairs",
        a="edges",
        b="photo",
        splits=("train", "val"),
        obtained=_FROM_AUTHORS.format("8 GB"),
        terms="images from Amazon; non-commercial research",
        builder="pix2pix/edges2handbags",
    ),
    "night2day": Entry(
        description="Webcam scenes of the Transient Attributes data set by night and by day",
        kind="pairs",
        a="night",
        b="day",
        splits=("train", "val", "test"),
        obtained=_FROM_AUTHORS.format("2 GB"),
        terms="P.-Y. Laffont et al., 2014; non-commercial research",
        builder="pix2pix/night2day",
    ),
    "synthetic_seasons": Entry(
        description="Landscapes drawn on demand, at any size; the test images have their truth",
        kind="domains",
        a="summer",
        b="winter",
        splits=("train", "val", "test"),
        obtained="drawn by the package",
        terms="the package's own licence",
    ),
    "synthetic_animals": Entry(
        description="Portraits of pets drawn on demand, at any size; the test images have their truth",
        kind="domains",
        a="cat",
        b="dog",
        splits=("train", "val", "test"),
        obtained="drawn by the package",
        terms="the package's own licence",
    ),
    "synthetic_faces": Entry(
        description="Faces drawn on demand, at any size: hair colour, glasses, smile, age; every edit has its truth",
        kind="labelled",
        splits=("train", "val", "test"),
        obtained="drawn by the package",
        terms="the package's own licence",
    ),
    "synthetic_expressions": Entry(
        description="The same people labelled by their expression: neutral, happy, sad, surprised",
        kind="labelled",
        splits=("train", "val", "test"),
        obtained="drawn by the package",
        terms="the package's own licence",
    ),
    "synthetic_digits": Entry(
        description="Digits drawn on demand as house numbers and in white ink; the test images have their truth",
        kind="domains",
        a="house number",
        b="white on black",
        splits=("train", "val", "test"),
        obtained="drawn by the package",
        terms="the package's own licence",
    ),
    "synthetic_written_digits": Entry(
        description="The white digits alone, with their labels",
        kind="labelled",
        splits=("train", "val", "test"),
        obtained="drawn by the package",
        terms="the package's own licence",
    ),
    "synthetic_textures": Entry(
        description="Scenes of fine detail drawn on demand, at any size, for super-resolution",
        kind="images",
        splits=("train", "val", "test"),
        obtained="drawn by the package",
        terms="the package's own licence",
    ),
    "mnist": Entry(
        description="Handwritten digits, 28 x 28, grey, with labels",
        kind="labelled",
        splits=("train", "test"),
        obtained="downloaded from mirrors, 12 MB",
        terms="Y. LeCun, C. Cortes and C. Burges; CC BY-SA 3.0",
        builder="mnist",
    ),
    "svhn_cropped": Entry(
        description="Digits of house numbers, 32 x 32, with labels",
        kind="labelled",
        splits=("train", "test"),
        obtained=_FROM_AUTHORS.format("240 MB"),
        terms="Y. Netzer et al., 2011; non-commercial use",
        builder="svhn_cropped",
    ),
    "usps": Entry(
        description="Handwritten zip codes, 16 x 16, grey, with labels",
        kind="labelled",
        splits=("train", "test"),
        obtained="downloaded from the page of The Elements of Statistical Learning, 2 MB",
        terms="LeCun et al., 1990",
        builder="usps",
    ),
    "celeb_a": Entry(
        description="CelebA: 202,599 aligned faces, 178 x 218, with 40 attributes",
        kind="labelled",
        splits=("train", "val", "test"),
        obtained="placed by hand, 1.4 GB: the authors keep it where no program may fetch it",
        terms="Z. Liu et al., 2015; non-commercial research",
        builder="celeb_a",
    ),
    "div2k": Entry(
        description="DIV2K: 800 photos of about 2K for training, 100 for validation",
        kind="images",
        splits=("train", "val"),
        obtained=_FROM_AUTHORS.format("4 GB"),
        terms="E. Agustsson and R. Timofte, 2017; academic research",
        builder="div2k_hr",
    ),
    "cycle_gan/apple2orange": Entry(
        description="Apples and oranges of ImageNet",
        kind="domains",
        a="apple",
        b="orange",
        splits=("train", "test"),
        obtained=_FROM_AUTHORS.format("78 MB"),
        terms="ImageNet: non-commercial research",
        builder="cycle_gan/apple2orange",
        sha256="845a191e9af8926408ea597001cd03a452e3300a1f44a79fe329b3d59f6e3eb8",
    ),
    "cycle_gan/horse2zebra": Entry(
        description="Horses and zebras of ImageNet",
        kind="domains",
        a="horse",
        b="zebra",
        splits=("train", "test"),
        obtained=_FROM_AUTHORS.format("117 MB"),
        terms="ImageNet: non-commercial research",
        builder="cycle_gan/horse2zebra",
        sha256="a74d9d392eecca9966b51287a76ca126af473d9de4f3e8fc0e9cda08fa1730a1",
    ),
    "cycle_gan/summer2winter_yosemite": Entry(
        description="Yosemite in two seasons",
        kind="domains",
        a="summer",
        b="winter",
        splits=("train", "test"),
        obtained=_FROM_AUTHORS.format("133 MB"),
        terms="photos from Flickr; non-commercial research",
        builder="cycle_gan/summer2winter_yosemite",
        sha256="167fe1726807a9d22bd106b4a6c0bd7953b688af924ac1bf967439c4961e49f9",
    ),
    "cycle_gan/monet2photo": Entry(
        description="Paintings by Monet and photos of landscapes",
        kind="domains",
        a="painting",
        b="photo",
        splits=("train", "test"),
        obtained=_FROM_AUTHORS.format("305 MB"),
        terms="from WikiArt and Flickr; non-commercial research",
        builder="cycle_gan/monet2photo",
        sha256="88f91b00fc228f97c9411fbf1880ec1d119c98f1722e4cfcfaa2fb35fac05b04",
    ),
    "cycle_gan/cezanne2photo": Entry(
        description="Paintings by Cezanne and photos of landscapes",
        kind="domains",
        a="painting",
        b="photo",
        splits=("train", "test"),
        obtained=_FROM_AUTHORS.format("280 MB"),
        terms="from WikiArt and Flickr; non-commercial research",
        builder="cycle_gan/cezanne2photo",
        sha256="3a6c10ca21f9485862f1cbd707744b9dc258954a04631271d23a3605eeb63cff",
    ),
    "cycle_gan/ukiyoe2photo": Entry(
        description="Ukiyo-e prints and photos of landscapes",
        kind="domains",
        a="print",
        b="photo",
        splits=("train", "test"),
        obtained=_FROM_AUTHORS.format("293 MB"),
        terms="from WikiArt and Flickr; non-commercial research",
        builder="cycle_gan/ukiyoe2photo",
        sha256="02a2a2fb5ecf425ca1bf86aca7304377da64a2a1d3b86df54eb65e4068bf3b08",
    ),
    "cycle_gan/vangogh2photo": Entry(
        description="Paintings by Van Gogh and photos of landscapes",
        kind="domains",
        a="painting",
        b="photo",
        splits=("train", "test"),
        obtained=_FROM_AUTHORS.format("307 MB"),
        terms="from WikiArt and Flickr; non-commercial research",
        builder="cycle_gan/vangogh2photo",
        sha256="362c3473e70be0944bda08d49d660eafdc2854df55d697835b8186d1d79caaff",
    ),
    "cycle_gan/maps": Entry(
        description="The maps set without its pairing",
        kind="domains",
        a="aerial photo",
        b="map",
        splits=("train", "test"),
        obtained=_FROM_AUTHORS.format("1.5 GB"),
        terms="from Google Maps, whose terms apply; non-commercial research",
        builder="cycle_gan/maps",
        sha256="639534f69dbf9f36bef8d6292a7698006361221f83f0285d7c9ca78afe6e8a9e",
    ),
    "cycle_gan/facades": Entry(
        description="The facades set without its pairing",
        kind="domains",
        a="photo",
        b="label map",
        splits=("train", "test"),
        obtained=_FROM_AUTHORS.format("35 MB"),
        terms="R. Tylecek and R. Sara, 2013; non-commercial research",
        builder="cycle_gan/facades",
        sha256="9a31ebf3a31b9b5cd195dd5bf62e9308e00cb94604d1019e3889ac84248695c0",
    ),
    "cycle_gan/iphone2dslr_flower": Entry(
        description="Flowers photographed by phones and by reflex cameras",
        kind="domains",
        a="iPhone photo",
        b="DSLR photo",
        splits=("train", "test"),
        obtained=_FROM_AUTHORS.format("340 MB"),
        terms="photos from Flickr; non-commercial research",
        builder="cycle_gan/iphone2dslr_flower",
        sha256="8fcb5e374d631b107e1d961b8c4cd0a186aa2a4ff3e279923f4c426128de7113",
    ),
}
