//! The same traffic against the three algorithms, on a manual clock: a table in the terminal and
//! a chart per traffic.
//!
//! ```console
//! cargo run --example algorithms_demo -- [folder for the charts]
//! ```

mod chart;
mod run;
mod traffic;

use std::error::Error;
use std::path::PathBuf;

use fastlimit::Limit;
use run::Run;
use traffic::Traffic;

const LIMITS: [&str; 3] = [
    "10/10s fixed-window",
    "10/10s sliding-window",
    "10/10s burst 5 token-bucket",
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os()
        .nth(1)
        .map_or_else(|| PathBuf::from("target/algorithms_demo"), PathBuf::from);
    std::fs::create_dir_all(&folder)?;

    println!("Costs in requests; the limit is 10 in 10 s, the bucket's burst 5.\n");
    for traffic in Traffic::ALL {
        println!("{}: {}", traffic.name(), traffic.description());
        println!(
            "  {:<28} {:>7} {:>9} {:>14} {:>13}",
            "limit", "asked", "admitted", "most in 10 s", "longest wait"
        );
        let mut runs = Vec::new();
        for limit in LIMITS {
            let limit: Limit = limit.parse()?;
            let run = Run::of(traffic, limit).await?;
            println!(
                "  {:<28} {:>7} {:>9} {:>14} {:>11.1} s",
                run.name(),
                run.asked().to_string(),
                run.admitted().to_string(),
                run.most_in_a_period().to_string(),
                run.longest_wait().as_secs_f64(),
            );
            runs.push(run);
        }
        let path = folder.join(format!("{}.svg", traffic.name().replace(' ', "-")));
        chart::draw(&path, traffic, &runs)?;
        println!("  chart: {}\n", path.display());
    }
    Ok(())
}
