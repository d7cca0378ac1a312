use std::error::Error;
use std::path::Path;

use fastlimit::Algorithm;
use plotters::prelude::*;

use crate::run::{Run, seconds};
use crate::traffic::{DURATION, Traffic};

const WINDOW_SECONDS: u32 = 10;

/// Draws what was admitted over time, a line for each algorithm, and below it a row of ticks for
/// each: the requests that were denied.
pub(crate) fn draw(path: &Path, traffic: Traffic, runs: &[Run]) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(path, (900, 560)).into_drawing_area();
    root.fill(&WHITE)?;
    let (above, below) = root.split_vertically(430);

    let most = runs
        .iter()
        .flat_map(Run::steps)
        .fold(10.0, |most: f64, (_, total)| most.max(total));
    let end = seconds(DURATION);
    let mut chart = ChartBuilder::on(&above)
        .caption(
            format!("{}: {}", traffic.name(), traffic.description()),
            ("sans-serif", 20),
        )
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(130)
        .build_cartesian_2d(0.0..end, 0.0..most * 1.08)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc("seconds; windows end at the grey lines")
        .y_desc("requests admitted")
        .draw()?;
    for window in (0..=DURATION as u32 / 1_000).step_by(WINDOW_SECONDS as usize) {
        let x = f64::from(window);
        let line = PathElement::new([(x, 0.0), (x, most * 1.08)], BLACK.mix(0.35));
        chart.draw_series([line])?;
    }
    for run in runs {
        let style = color(run.algorithm()).stroke_width(3);
        chart
            .draw_series(LineSeries::new(run.steps(), style))?
            .label(run.name())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font(("sans-serif", 15))
        .background_style(WHITE.mix(0.9))
        .border_style(BLACK.mix(0.3))
        .draw()?;

    let rows = runs.len() as f64;
    let mut chart = ChartBuilder::on(&below)
        .caption("denied", ("sans-serif", 15))
        .margin_left(12)
        .margin_right(12)
        .margin_bottom(8)
        .y_label_area_size(130)
        .build_cartesian_2d(0.0..end, 0.0..rows)?;
    let names: Vec<String> = runs
        .iter()
        .rev()
        .map(|run| run.algorithm().to_string())
        .collect();
    chart
        .configure_mesh()
        .disable_mesh()
        .disable_x_axis()
        .y_labels(0)
        .draw()?;
    for (row, run) in runs.iter().rev().enumerate() {
        let (bottom, style) = (row as f64, color(run.algorithm()));
        chart.draw_series(run.denied().iter().map(|ask| {
            let x = seconds(ask.at);
            PathElement::new([(x, bottom + 0.15), (x, bottom + 0.85)], style)
        }))?;
        below.draw(&Text::new(
            names[row].clone(),
            (22, 118 - (row as i32 + 1) * 32 + 8),
            ("sans-serif", 15).into_font().color(&style),
        ))?;
    }
    root.present()?;
    Ok(())
}

fn color(algorithm: Algorithm) -> RGBColor {
    match algorithm {
        Algorithm::FixedWindow => RGBColor(204, 68, 51),
        Algorithm::SlidingWindow => RGBColor(34, 119, 187),
        _ => RGBColor(34, 136, 68),
    }
}
