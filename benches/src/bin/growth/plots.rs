//! Plots of costs by size, both axes logarithmic.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use crate::chapter::{short, shown};
use crate::result::Result;
use crate::series::Series;

const SIZE: (u32, u32) = (900, 420);
const COLOURS: [RGBColor; 7] = [
    RGBColor(0x1f, 0x6f, 0xb4),
    RGBColor(0xe0, 0x8a, 0x2e),
    RGBColor(0x2e, 0x8b, 0x57),
    RGBColor(0xb0, 0x3a, 0x5b),
    RGBColor(0x7a, 0x5c, 0xb8),
    RGBColor(0x5f, 0x66, 0x6d),
    RGBColor(0x8a, 0x6d, 0x1f),
];

/// The name of the file for a growth.
pub(crate) fn file(growth: &str) -> String {
    format!("growth-{}.svg", growth.replace(' ', "-"))
}

/// Draws times on the left, and memory on the right, if it was measured.
pub(crate) fn draw(growth: &str, series: &[Series], file: &Path) -> Result {
    let (memory, times): (Vec<&Series>, Vec<&Series>) =
        series.iter().partition(|series| series.name == "memory");
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    checked(root.fill(&WHITE))?;
    let parts = match memory.is_empty() {
        true => vec![(root.clone(), times, "time")],
        false => {
            let (left, right) = root.split_horizontally(600);
            vec![(left, times, "time"), (right, memory, "memory")]
        }
    };
    for (area, series, what) in parts {
        let sizes = series.iter().flat_map(|series| &series.points);
        let (mut few, mut many) = (u64::MAX, 1);
        let (mut least, mut most) = (f64::MAX, 1.0_f64);
        for (size, cost) in sizes {
            (few, many) = (few.min(*size), many.max(*size));
            (least, most) = (least.min(cost.max(1.0)), most.max(*cost));
        }
        let mut chart = checked(
            ChartBuilder::on(&area)
                .caption(format!("{what} by {growth}"), ("sans-serif", 16))
                .margin(12)
                .x_label_area_size(28)
                .y_label_area_size(64)
                .build_cartesian_2d(
                    (few..many.max(few + 1)).log_scale(),
                    (least / 1.5..most * 1.5).log_scale(),
                ),
        )?;
        let cost = |cost: &f64| shown(what, *cost);
        checked(
            chart
                .configure_mesh()
                .light_line_style(TRANSPARENT)
                .x_label_formatter(&|size| short(*size))
                .y_label_formatter(&cost)
                .draw(),
        )?;
        for (one, colour) in series.iter().zip(COLOURS) {
            let line = || one.points.iter().map(|(size, cost)| (*size, cost.max(1.0)));
            let drawn =
                checked(chart.draw_series(LineSeries::new(line(), colour.stroke_width(2))))?;
            drawn.label(one.name).legend(move |(x, y)| {
                PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2))
            });
            let dots = line().map(|at| Circle::new(at, 3, colour.filled()));
            checked(chart.draw_series(dots))?;
        }
        if series.len() > 1 {
            checked(
                chart
                    .configure_series_labels()
                    .position(SeriesLabelPosition::UpperLeft)
                    .background_style(WHITE.mix(0.8))
                    .draw(),
            )?;
        }
    }
    checked(root.present())
}

/// Converts the errors of plotters to text, as their type contains one that is private to plotters.
fn checked<T, E: Error + Send + Sync + 'static>(result: std::result::Result<T, E>) -> Result<T> {
    result.map_err(|error| error.to_string().into())
}
