//! Bar charts of all groups.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::chapters::{Chapter, Group};
use crate::format::nanos;
use crate::result::Result;
use crate::rounds::Measured;
use crate::runs::Figure;

const WIDTH: u32 = 900;
const BAR: i32 = 22;
const LABELS: i32 = 260;
const RIGHT: i32 = 90;
const OURS: RGBColor = RGBColor(0x1f, 0x6f, 0xb4);
const OTHERS: RGBColor = RGBColor(0xb0, 0xb7, 0xbf);
const CPU: RGBColor = RGBColor(0xe0, 0x8a, 0x2e);

/// The title and the file name of each plot of a chapter.
pub(crate) fn of(chapter: &Chapter) -> Vec<(String, String)> {
    let plot = |group: &Group| (group.name.clone(), format!("{}.svg", group.name));
    chapter.groups.iter().map(plot).collect()
}

/// Draws all plots into a folder.
pub(crate) fn draw(measured: &Measured, folder: &Path) -> Result {
    std::fs::create_dir_all(folder)?;
    for chapter in &measured.chapters {
        for (group, (title, file)) in chapter.groups.iter().zip(of(chapter)) {
            bars(measured, group, &title, &folder.join(file))?;
        }
    }
    Ok(())
}

/// Draws a bar for the elapsed time of each case, and a mark for its CPU time.
fn bars(measured: &Measured, group: &Group, title: &str, file: &Path) -> Result {
    let bars: Vec<(String, bool, f64, f64)> = group
        .cases
        .iter()
        .filter_map(|case| {
            let wall = measured.runs.quartiles(case, Figure::Wall)?.median;
            let cpu = measured.runs.quartiles(case, Figure::Cpu)?.median;
            let several = group
                .cases
                .iter()
                .any(|other| other.workload != case.workload);
            let label = if several {
                format!("{}, {}", case.built_workload(), case.subject)
            } else {
                case.subject.clone()
            };
            Some((label, case.subject.starts_with("soiree"), wall, cpu))
        })
        .collect();
    let longest = bars.iter().map(|bar| bar.2.max(bar.3)).fold(1.0, f64::max);
    let height = 70 + BAR * bars.len() as i32;
    let root = SVGBackend::new(file, (WIDTH, height as u32)).into_drawing_area();
    checked(root.fill(&WHITE))?;
    let heading = ("sans-serif", 18).into_font().color(&BLACK);
    checked(root.draw_text(
        &format!("{title}: time for each operation"),
        &heading,
        (12, 10),
    ))?;
    let small = ("sans-serif", 13).into_font().color(&BLACK);
    let left_of = small.clone().pos(Pos::new(HPos::Right, VPos::Center));
    let right_of = small.clone().pos(Pos::new(HPos::Left, VPos::Center));
    let scale = f64::from(WIDTH as i32 - LABELS - RIGHT) / longest;
    let at = |nanos: f64| LABELS + (nanos * scale) as i32;
    for (row, (label, ours, wall, cpu)) in bars.iter().enumerate() {
        let top = 40 + BAR * row as i32;
        let middle = top + BAR / 2;
        let colour = if *ours { OURS } else { OTHERS };
        let bar = Rectangle::new(
            [(LABELS, top + 3), (at(*wall), top + BAR - 3)],
            colour.filled(),
        );
        checked(root.draw(&bar))?;
        let mark = Rectangle::new(
            [(at(*cpu) - 1, top + 3), (at(*cpu) + 1, top + BAR - 3)],
            CPU.filled(),
        );
        checked(root.draw(&mark))?;
        checked(root.draw_text(label, &left_of, (LABELS - 8, middle)))?;
        checked(root.draw_text(&nanos(*wall), &right_of, (at(wall.max(*cpu)) + 8, middle)))?;
    }
    let note = "bars: elapsed; marks: CPU time of the whole process";
    checked(root.draw_text(note, &small, (LABELS, height - 24)))?;
    checked(root.present())
}

/// Converts the errors of plotters to text, as their type contains one that is private to plotters.
fn checked<T, E: Error + Send + Sync + 'static>(result: std::result::Result<T, E>) -> Result<T> {
    result.map_err(|error| error.to_string().into())
}
