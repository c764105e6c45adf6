"""Elements of SVG: escaping, numbers, names."""

from dtbench.drawing.markup import drawing, points, tag

ATTACK = '"><script>alert(1)</script>'


def test_texts_and_values_are_escaped():
    made = tag("text", ATTACK, class_=ATTACK)
    assert "<script>" not in made
    assert made.count("<") == 2  # the element's own


def test_markup_inside_stays():
    assert tag("g", [tag("path", d="M0 0")], stroke_width=2) == '<g stroke-width="2"><path d="M0 0"/></g>'


def test_coordinates_have_one_decimal():
    assert tag("circle", cx=1.26, cy=-0.04, r=None) == '<circle cx="1.3" cy="0"/>'
    assert points([(0.0, 1.0), (2.55, -3.0)]) == "0,1 2.5,-3"


def test_a_drawing_is_an_image_with_a_name():
    made = drawing(10.0, 5.5, [], title="A & B", text="c")
    assert made.startswith('<svg viewBox="0 0 10 5.5" class="plot" role="img" aria-label="A &amp; B. c"')
