"""What --help says of the options for what is inspected: area, alignment, the empty view."""

AREA = (
    "Where in the picture to inspect: a mask image (white counts), or a .json file of polygons, each a list of corners "
    "[x, y] as shares 0..1 of width and height: [[[0.1, 0.1], [0.9, 0.1], [0.5, 0.8]]]. Outside nothing counts."
)
IGNORE = "Where nothing counts, drawn as for --area: white, or inside the polygons. May be given with --area."
ALIGN = "Register each part to the first reference (translation, rotation, scale); what cannot be is not inspected."
TOLERANCE = "How far --align may go: share of the width, degrees, share of the scale [default: 0.1 15 0.1]."
EMPTY = "The empty belt or fixture, which is then no defect: a folder of pictures, or how many frames of the camera."
