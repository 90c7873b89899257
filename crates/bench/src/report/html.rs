//! The report as one HTML file that needs nothing else.

use super::plot::{Plot, Scale, Series, draw, escaped};
use super::{ORDER, Report};

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;max-width:880px;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid #ddd}
td:first-child,th:first-child{text-align:left}code{background:#f3f3f3;padding:.1em .3em}
svg{width:100%}svg line{stroke:#ddd}svg text{font-size:12px;fill:#444}
svg polyline{fill:none;stroke-width:2}";

impl Report {
    /// Renders the report: table, sentences, percentile curve, throughput over time, repetitions, conditions.
    pub fn html(&self) -> String {
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n<title>sluice bench</title>\n\
             <style>{STYLE}</style>\n<h1>sluice bench: {}</h1>\n",
            self.options.scenario_name()
        );
        page.push_str(&format!(
            "<p><code>sluice {}</code></p>\n",
            escaped(&self.conditions.command)
        ));
        page.push_str(&table(&self.table()));
        for line in self.lines() {
            page.push_str(&format!("<p>{}</p>\n", escaped(&line)));
        }
        for (heading, plot) in [
            ("Latency by percentile", self.percentile_curve()),
            ("Throughput over time", self.over_time()),
            ("Repetitions", self.by_repetition()),
        ] {
            if !plot.is_empty() {
                page.push_str(&format!("<h2>{heading}</h2>\n{plot}"));
            }
        }
        page.push_str("<h2>Conditions</h2>\n");
        page.push_str(&table(&self.conditions.rows()));
        page.push_str("</html>\n");
        page
    }

    fn percentile_curve(&self) -> String {
        let series: Vec<Series> = ORDER
            .iter()
            .filter_map(|name| {
                let operations = self.summary.operations.get(name)?;
                let points = operations.curve.iter().map(|(share, ms)| (nines(*share), *ms));
                Some(Series { name: (*name).to_owned(), points: points.collect() })
            })
            .collect();
        let most = series.iter().flat_map(|series| &series.points).map(|point| point.0);
        let most = most.fold(1.0, f64::max);
        let ticks = ["0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %"];
        let ticks =
            ticks.iter().enumerate().map(|(nines, label)| (nines as f64, (*label).to_owned()));
        let x_ticks: Vec<(f64, String)> = ticks.take_while(|(at, _)| *at <= most).collect();
        draw(&Plot {
            series: &series,
            scale: Scale::Logarithmic,
            x_label: "share of the requests that took no longer",
            y_label: "ms",
            x_ticks: &x_ticks,
            has_marks: false,
        })
    }

    fn over_time(&self) -> String {
        let series: Vec<Series> = self
            .repetitions
            .iter()
            .enumerate()
            .map(|(index, repetition)| {
                let rates = &repetition.operations[self.throughput_of].over_time;
                let width = repetition.piece_seconds;
                let points = rates.iter().enumerate();
                let points = points.map(|(piece, rate)| ((piece as f64 + 0.5) * width, *rate));
                Series { name: format!("repetition {}", index + 1), points: points.collect() }
            })
            .collect();
        let most = self.repetitions.iter().map(|repetition| repetition.seconds).fold(0.0, f64::max);
        let ticks = (0..=5).map(|tick| most * f64::from(tick) / 5.0);
        let x_ticks: Vec<(f64, String)> = ticks.map(|at| (at, format!("{at:.1} s"))).collect();
        draw(&Plot {
            series: &series,
            scale: Scale::Linear,
            x_label: "time",
            y_label: "messages/s",
            x_ticks: &x_ticks,
            has_marks: false,
        })
    }

    fn by_repetition(&self) -> String {
        let rates = self.repetitions.iter().map(|repetition| repetition.messages_per_s);
        let points: Vec<(f64, f64)> =
            rates.enumerate().map(|(index, rate)| (index as f64 + 1.0, rate)).collect();
        let (first, last) = (0.5, points.len() as f64 + 0.5);
        let spread = self.summary.messages_per_s;
        let level = |name: &str, rate: f64| Series {
            name: format!("{name} {rate:.0}"),
            points: vec![(first, rate), (last, rate)],
        };
        let series = [
            Series { name: "messages/s".to_owned(), points: points.clone() },
            level("median", spread.median),
            level("least", spread.min),
            level("most", spread.max),
        ];
        let x_ticks: Vec<(f64, String)> =
            points.iter().map(|(number, _)| (*number, format!("{number}"))).collect();
        if points.len() < 2 {
            return String::new();
        }
        draw(&Plot {
            series: &series,
            scale: Scale::Linear,
            x_label: "repetition",
            y_label: "messages/s",
            x_ticks: &x_ticks,
            has_marks: true,
        })
    }
}

/// 0.9 is one nine, 0.99 two.
fn nines(share: f64) -> f64 {
    -(1.0 - share).max(1e-9).log10()
}

fn table(rows: &[Vec<String>]) -> String {
    let mut html = String::from("<table>\n");
    for (index, row) in rows.iter().enumerate() {
        let tag = if index == 0 { "th" } else { "td" };
        let cells = row.iter().map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell)));
        html.push_str(&format!("<tr>{}</tr>\n", cells.collect::<String>()));
    }
    html.push_str("</table>\n");
    html
}
