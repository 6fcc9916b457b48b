#!/usr/bin/python3
"""Makes the two fonts of the PDF: python3 make.py [FOLDER]

Latin, Greek, Cyrillic and punctuation come from Noto Sans, Hangul (all 11,172
syllables), kana and what else Noto Sans has not from NanumBarunGothic, both
under the SIL Open Font License 1.1 (OFL.txt). The outlines are as they were;
what is not listed in WANTED, hinting and layout tables are left out. The result
has a name of its own, since Nanum is a reserved one.

Needs Debian's fonts-noto-core, fonts-nanum and python3-fonttools. The same
versions of these give the same bytes; the versions used are in README.md.
"""

import gzip
import io
import os
import sys

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables._c_m_a_p import cmap_classes

LATIN = "/usr/share/fonts/truetype/noto/NotoSans-%s.ttf"
HANGUL = "/usr/share/fonts/truetype/nanum/NanumBarunGothic%s.ttf"
FAMILY = "Assay Report Sans"
EPOCH = 3_849_984_000  # 2026-01-01, in seconds since 1904

WANTED = [
    (0x0020, 0x007E), (0x00A0, 0x024F),  # Latin
    (0x1E00, 0x1EFF),
    (0x0370, 0x03FF), (0x0400, 0x052F),  # Greek, Cyrillic
    (0x2000, 0x200A), (0x2010, 0x2027), (0x202F, 0x205E),  # punctuation, without what is invisible
    (0x2070, 0x209C), (0x20A0, 0x20BF), (0x2100, 0x218B), (0x2190, 0x21FF), (0x2200, 0x22FF), (0x2460, 0x24FF), (0x2500, 0x25FF),
    (0x3000, 0x303F), (0x3041, 0x30FF),  # CJK punctuation, kana
    (0x3131, 0x318E), (0xAC00, 0xD7A3),  # Hangul
    (0xFF01, 0xFF9F), (0xFFE0, 0xFFE6),  # full and half width
]


def load(path, points):
    options = subset.Options(layout_features=[], hinting=False, notdef_outline=True, glyph_names=False)
    options.drop_tables += ["FFTM", "TSI0", "TSI1", "TSI2", "TSI3", "TSI5", "GDEF", "GPOS", "GSUB", "BASE", "STAT", "DSIG", "gasp", "vhea", "vmtx", "kern", "meta"]
    font = subset.load_font(path, options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=points)
    subsetter.subset(font)
    return font


def make(weight, suffix):
    points = {p for first, last in WANTED for p in range(first, last + 1)}
    latin = load(LATIN % weight, points)
    hangul = load(HANGUL % suffix, points - set(latin.getBestCmap()))
    assert latin["head"].unitsPerEm == hangul["head"].unitsPerEm

    order = latin.getGlyphOrder()
    added = [g for g in hangul.getGlyphOrder() if g != ".notdef"]
    rename = {g: "h." + g for g in added}
    glyphs, metrics = latin["glyf"].glyphs, latin["hmtx"].metrics
    for g in added:
        glyph = hangul["glyf"][g]
        if glyph.isComposite():
            for part in glyph.components:
                part.glyphName = rename[part.glyphName]
        glyphs[rename[g]] = glyph
        metrics[rename[g]] = hangul["hmtx"].metrics[g]
    order = order + [rename[g] for g in added]
    latin.setGlyphOrder(order)
    latin["glyf"].glyphOrder = order

    cmap = dict(latin.getBestCmap())
    cmap.update({p: rename[g] for p, g in hangul.getBestCmap().items()})
    table = cmap_classes[4](4)
    table.platformID, table.platEncID, table.language, table.cmap = 3, 1, 0, cmap
    latin["cmap"].tables = [table]

    names = latin["name"]
    rights = [f["name"].getDebugName(0) for f in (latin, hangul)]
    names.names = []
    for i, text in {
        0: "Made from Noto Sans (%s) and NanumBarunGothic (%s)" % tuple(rights),
        1: FAMILY, 2: weight, 3: "%s %s 1" % (FAMILY, weight), 4: "%s %s" % (FAMILY, weight), 5: "Version 1",
        6: "AssayReportSans-" + weight, 13: "SIL Open Font License, Version 1.1", 14: "https://openfontlicense.org",
    }.items():
        names.setName(text, i, 3, 1, 0x409)
    latin["OS/2"].fsType = 0
    latin["post"].formatType = 3.0
    latin.recalcTimestamp = False
    latin["head"].created = latin["head"].modified = EPOCH
    latin["head"].fontRevision = 1.0

    out = io.BytesIO()
    latin.save(out, reorderTables=True)
    return out.getvalue(), len(cmap)


def main(folder):
    for weight, suffix in (("Regular", ""), ("Bold", "Bold")):
        raw, count = make(weight, suffix)
        name = os.path.join(folder, "report-%s.ttf.gz" % weight.lower())
        with open(name, "wb") as f, gzip.GzipFile(filename="", fileobj=f, mode="wb", compresslevel=9, mtime=0) as z:
            z.write(raw)
        print("%s: %d characters, %d bytes, %d packed" % (name, count, len(raw), os.path.getsize(name)))


main(sys.argv[1] if len(sys.argv) > 1 else ".")
