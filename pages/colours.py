"""One colour and one mark for each meaning, everywhere; safe for colour-blind readers (Okabe-Ito)."""

STATES = {
    "received": "#0072B2",
    "due": "#56B4E9",
    "incomplete": "#E69F00",
    "conflict": "#CC79A7",
    "late": "#D55E00",
    "lost": "#8C3B00",
    "not_due": "#BDBDBD",
}
LIGHTS = {"green": "#009E73", "amber": "#E69F00", "red": "#D55E00"}
SEVERITIES = {"unsorted": "#8C1D18", "critical": "#D55E00", "serious": "#E69F00", "minor": "#56B4E9"}
OBSERVERS = "#0072B2"  # solid, with the interval as a ribbon or whisker
COMMISSION = "#7A7A7A"  # dashed, diamonds; readable on light and on dark
AROUND = "#6CA6CD"  # the observers' estimate around one PEC
EARLIER = "#A0A0A0"  # earlier elections, thin
