//! Plots as inline SVG: lines over axes, nothing that needs a script.

use std::fmt::Write;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 320.0;
/// Room for the labels of the axes.
const LEFT: f64 = 76.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;
/// Told apart by people who see few colours, too (Okabe and Ito).
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const LINEAR_TICKS: u32 = 5;

/// A line of a plot.
pub(super) struct Series {
    pub(super) name: String,
    /// In order of the first coordinate.
    pub(super) points: Vec<(f64, f64)>,
}

/// How values become heights.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// From zero.
    Linear,
    /// By powers of ten; for values above zero.
    Logarithmic,
}

/// Everything about one plot.
pub(super) struct Plot<'a> {
    pub(super) series: &'a [Series],
    pub(super) scale: Scale,
    pub(super) x_label: &'a str,
    pub(super) y_label: &'a str,
    /// Labels along the bottom, and where they stand.
    pub(super) x_ticks: &'a [(f64, String)],
    /// Whether points are marked, because they are few.
    pub(super) has_marks: bool,
}

/// From values to places on the page.
struct Frame {
    x: (f64, f64),
    y: (f64, f64),
    scale: Scale,
}

impl Frame {
    fn around(plot: &Plot<'_>) -> Self {
        let points = || plot.series.iter().flat_map(|series| &series.points);
        let ticks = || plot.x_ticks.iter().map(|(at, _)| *at);
        let xs = || points().map(|point| point.0).chain(ticks());
        let (least, most) = range(points().map(|point| point.1));
        let y = match plot.scale {
            Scale::Linear => (0.0, rounded_up(most)),
            Scale::Logarithmic => (least.max(1e-3).log10().floor(), most.max(1e-3).log10().ceil()),
        };
        Self { x: range(xs()), y: (y.0, y.1.max(y.0 + 1e-9)), scale: plot.scale }
    }

    fn across(&self, x: f64) -> f64 {
        let share = (x - self.x.0) / (self.x.1 - self.x.0).max(1e-9);
        LEFT + share * (WIDTH - LEFT - RIGHT)
    }

    fn up(&self, y: f64) -> f64 {
        let scaled = match self.scale {
            Scale::Linear => y,
            Scale::Logarithmic => y.max(1e-3).log10(),
        };
        let share = (scaled - self.y.0) / (self.y.1 - self.y.0);
        HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)
    }

    fn y_ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => (0..=LINEAR_TICKS)
                .map(|tick| self.y.1 * f64::from(tick) / f64::from(LINEAR_TICKS))
                .collect(),
            Scale::Logarithmic => {
                (self.y.0 as i32..=self.y.1 as i32).map(|power| 10_f64.powi(power)).collect()
            }
        }
    }
}

/// Draws a plot; nothing if there are no points.
pub(super) fn draw(plot: &Plot<'_>) -> String {
    if plot.series.iter().all(|series| series.points.is_empty()) {
        return String::new();
    }
    let frame = Frame::around(plot);
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n");
    axes(&mut svg, plot, &frame);
    for (index, series) in plot.series.iter().enumerate() {
        line(&mut svg, series, COLOURS[index % COLOURS.len()], &frame, plot.has_marks);
    }
    svg.push_str("</svg>\n");
    svg.push_str(&legend(plot.series));
    svg
}

fn axes(svg: &mut String, plot: &Plot<'_>, frame: &Frame) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for value in frame.y_ticks() {
        let (y, label) = (frame.up(value), short(value));
        add(svg, format_args!("<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"));
        let (x, y) = (LEFT - 6.0, y + 4.0);
        add(svg, format_args!("<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{label}</text>"));
    }
    for (at, label) in plot.x_ticks {
        let (x, y, label) = (frame.across(*at), bottom + 16.0, escaped(label));
        add(svg, format_args!("<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>"));
        let text = "text-anchor=\"middle\"";
        add(svg, format_args!("<text x=\"{x:.1}\" y=\"{y}\" {text}>{label}</text>"));
    }
    let (middle, below) = (f64::midpoint(LEFT, right), HEIGHT - 6.0);
    let (x_label, y_label) = (escaped(plot.x_label), escaped(plot.y_label));
    let text = "text-anchor=\"middle\"";
    add(svg, format_args!("<text x=\"{middle}\" y=\"{below}\" {text}>{x_label}</text>"));
    let centre = f64::midpoint(TOP, bottom);
    let turned = format!("transform=\"translate(14 {centre}) rotate(-90)\"");
    add(svg, format_args!("<text {turned} {text}>{y_label}</text>"));
}

fn line(svg: &mut String, series: &Series, colour: &str, frame: &Frame, has_marks: bool) {
    let places: Vec<(f64, f64)> =
        series.points.iter().map(|(x, y)| (frame.across(*x), frame.up(*y))).collect();
    let points: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let points = points.join(" ");
    add(svg, format_args!("<polyline stroke=\"{colour}\" points=\"{points}\"/>"));
    for (x, y) in places.iter().filter(|_| has_marks) {
        add(svg, format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>"));
    }
}

fn legend(series: &[Series]) -> String {
    let entry = |(index, series): (usize, &Series)| {
        let (colour, name) = (COLOURS[index % COLOURS.len()], escaped(&series.name));
        format!("<span style=\"color:{colour}\">■ {name}</span> ")
    };
    format!("<p>{}</p>\n", series.iter().enumerate().map(entry).collect::<String>())
}

fn add(svg: &mut String, element: std::fmt::Arguments<'_>) {
    writeln!(svg, "{element}").expect("writing to a String cannot fail");
}

/// Text for a place where HTML is read.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::MAX, f64::MIN), |(least, most), value| (least.min(value), most.max(value)))
}

/// To one, two or five times a power of ten.
fn rounded_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(1e-9).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    let step = steps.into_iter().find(|step| step * power >= value);
    step.unwrap_or(10.0) * power
}

fn short(value: f64) -> String {
    match value {
        value if value >= 10_000.0 => format!("{:.0}k", value / 1_000.0),
        value if value >= 1.0 || value == 0.0 => format!("{value:.0}"),
        value => format!("{value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        for (value, expected) in [(1.0, 1.0), (1.1, 2.0), (4_999.0, 5_000.0), (5_001.0, 10_000.0)] {
            assert!((rounded_up(value) - expected).abs() < 1e-6, "{value}");
        }
    }

    #[test]
    fn higher_values_stand_higher_and_inside() {
        let series = [Series { name: "a<b".to_owned(), points: vec![(0.0, 0.5), (1.0, 80.0)] }];
        for scale in [Scale::Linear, Scale::Logarithmic] {
            let plot = Plot {
                series: &series,
                scale,
                x_label: "x",
                y_label: "y",
                x_ticks: &[],
                has_marks: true,
            };
            let frame = Frame::around(&plot);
            assert!(frame.up(80.0) < frame.up(0.5) && frame.up(80.0) >= TOP);
            assert!(frame.up(0.5) <= HEIGHT - BOTTOM + 1e-6);
            let svg = draw(&plot);
            assert!(svg.contains("a&lt;b") && svg.matches("<circle").count() == 2, "{svg}");
        }
    }

    #[test]
    fn without_points_there_is_no_plot() {
        let plot = Plot {
            series: &[],
            scale: Scale::Linear,
            x_label: "",
            y_label: "",
            x_ticks: &[],
            has_marks: false,
        };
        assert_eq!(draw(&plot), "");
    }
}
