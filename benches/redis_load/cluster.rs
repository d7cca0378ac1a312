//! The servers of a cluster under load.

use fastlimit_test_redis::TestCluster;

use crate::Result;

/// The processor time that all servers have used.
pub(crate) fn cpu_micros(cluster: &TestCluster) -> Result<f64> {
    let mut micros = 0.0;
    for node in cluster.nodes() {
        let info = node.client()?.command(&["INFO", "cpu"])?;
        let info = info.text().ok_or("INFO answers a text")?;
        for line in info.lines() {
            if let Some(("used_cpu_user" | "used_cpu_sys", seconds)) = line.trim().split_once(':') {
                micros += seconds.parse::<f64>()? * 1e6;
            }
        }
    }
    Ok(micros)
}
