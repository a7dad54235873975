"""A harbour below a castle, layer by layer."""

from jvst.synthetic.harbour.castle import castle_hill
from jvst.synthetic.harbour.hills import far_range, middle_range, near_range
from jvst.synthetic.harbour.jetty import jetty
from jvst.synthetic.harbour.light import LIGHTS
from jvst.synthetic.harbour.shore import bank, cypresses
from jvst.synthetic.harbour.sky import harbour_sky
from jvst.synthetic.harbour.view import HORIZON, Band, View
from jvst.synthetic.harbour.water import water

#: The layers by name.
BANDS: dict[str, Band] = {
    "harbour sky": harbour_sky,
    "far range": far_range,
    "middle range": middle_range,
    "near range": near_range,
    "castle hill": castle_hill,
    "harbour water": water,
    "jetty": jetty,
    "cypresses": cypresses,
    "bank": bank,
}

__all__ = ["BANDS", "HORIZON", "LIGHTS", "View"]
