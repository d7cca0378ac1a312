//! Builds an image of the machine's own Redis server, for a Docker that can pull none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{docker, program};

/// Counts up when the image is laid out differently, so that an old one is not used again.
const LAYOUT: u32 = 1;

/// Returns the name of an image that holds a server of this machine, built if it must be.
pub(crate) fn obtain(server: &Path) -> Result<String, String> {
    if !cfg!(target_os = "linux") {
        return Err("an image can be made only of a server for Linux".to_owned());
    }
    let version = program::output(Command::new(server).arg("--version"))?;
    let tag = tag(&version).ok_or_else(|| format!("no version in: {version}"))?;
    let image = format!("fastlimit-test-redis:{tag}");
    if docker::has(&image) {
        println!("xtask: {image} is here from before");
        return Ok(image);
    }
    let folder = std::env::temp_dir().join(format!("fastlimit-image-{}", std::process::id()));
    let result = import(server, &image, &folder);
    let _ = fs::remove_dir_all(&folder);
    result.map(|()| image)
}

/// Lays the files out in a folder and imports them as one layer.
fn import(server: &Path, image: &str, folder: &Path) -> Result<(), String> {
    let root = folder.join("root");
    let programs = root.join("usr/local/bin");
    for directory in [&programs, &root.join("tmp"), &root.join("data")] {
        fs::create_dir_all(directory)
            .map_err(|error| format!("{}: {error}", directory.display()))?;
    }
    // Under one name, whichever server it is: the harness runs `redis-server`.
    let mut libraries = add(server, &programs.join("redis-server"))?;
    if let Some(client) = program::find("redis-cli").or_else(|| program::find("valkey-cli")) {
        libraries.extend(add(&client, &programs.join("redis-cli"))?);
    }
    libraries.sort();
    libraries.dedup();
    for library in &libraries {
        // The loader looks for a library under this path, whatever it links to here.
        let inside = root.join(library.strip_prefix("/").unwrap_or(library));
        copy(library, &inside)?;
    }
    let archive = folder.join("image.tar");
    program::output(
        Command::new("tar")
            .arg("--create")
            .arg("--file")
            .arg(&archive)
            .arg("--directory")
            .arg(&root)
            .arg("."),
    )?;
    let mut import = Command::new("docker");
    import.arg("import");
    for change in changes(&libraries) {
        import.args(["--change", &change]);
    }
    program::run(import.arg(&archive).arg(image))
}

/// Copies a program and returns the libraries that it loads.
fn add(program: &Path, inside: &Path) -> Result<Vec<PathBuf>, String> {
    copy(program, inside)?;
    match program::output(Command::new("ldd").arg(program)) {
        Ok(printed) => libraries(&printed),
        // So says ldd of a program that needs none.
        Err(complaint) if complaint.contains("not a dynamic executable") => Ok(Vec::new()),
        Err(complaint) => Err(complaint),
    }
}

/// Copies a file, or what it links to, with its mode.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    if let Some(directory) = to.parent() {
        fs::create_dir_all(directory)
            .map_err(|error| format!("{}: {error}", directory.display()))?;
    }
    fs::copy(from, to)
        .map(drop)
        .map_err(|error| format!("{}: {error}", from.display()))
}

/// Returns the settings of the image.
fn changes(libraries: &[PathBuf]) -> Vec<String> {
    let mut folders: Vec<_> = libraries
        .iter()
        .filter_map(|library| library.parent())
        .map(|folder| folder.display().to_string())
        .collect();
    folders.sort();
    folders.dedup();
    let mut changes = vec![
        "ENV PATH=/usr/local/bin".to_owned(),
        "WORKDIR /data".to_owned(),
        r#"CMD ["redis-server"]"#.to_owned(),
        "EXPOSE 6379".to_owned(),
    ];
    // The image has no cache of the loader's, which knows the folders that are not built into it.
    if !folders.is_empty() {
        changes.push(format!("ENV LD_LIBRARY_PATH={}", folders.join(":")));
    }
    changes
}

/// Reads the libraries and the loader out of what `ldd` prints.
fn libraries(printed: &str) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for line in printed.lines().map(str::trim) {
        let (name, place) = match line.split_once("=>") {
            Some((name, place)) => (name.trim(), place.trim()),
            None => (line, line),
        };
        if place.starts_with("not found") {
            return Err(format!("the library {name} is not found"));
        }
        // What has no path is the kernel's own, or a remark.
        if place.starts_with('/') {
            let path = place.split(" (").next().unwrap_or(place);
            found.push(PathBuf::from(path));
        }
    }
    Ok(found)
}

/// Returns the tag for a server that says this of its version.
fn tag(version: &str) -> Option<String> {
    let field = |name: &str| {
        version
            .split_whitespace()
            .find_map(|word| word.strip_prefix(name))
    };
    let number = field("v=")?;
    let build = field("build=").unwrap_or("unknown");
    let tag = format!("{number}-{build}-{LAYOUT}");
    tag.chars()
        .all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c))
        .then_some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_and_loader_are_read() {
        let printed = "\
\tlinux-vdso.so.1 (0x00007ffd1f5f2000)
\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f2f0b000000)
\tlibjemalloc.so.2 => /usr/lib/with space/libjemalloc.so.2 (0x00007f2f0a000000)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f2f0b5f2000)";
        assert_eq!(
            libraries(printed).unwrap(),
            [
                "/lib/x86_64-linux-gnu/libm.so.6",
                "/usr/lib/with space/libjemalloc.so.2",
                "/lib64/ld-linux-x86-64.so.2"
            ]
            .map(PathBuf::from)
        );
    }

    #[test]
    fn the_loader_of_musl_is_its_library() {
        let printed = "\
\t/lib/ld-musl-x86_64.so.1 (0x7f0000000000)
\tlibc.musl-x86_64.so.1 => /lib/ld-musl-x86_64.so.1 (0x7f0000000000)";
        assert_eq!(
            libraries(printed).unwrap(),
            ["/lib/ld-musl-x86_64.so.1"; 2].map(PathBuf::from)
        );
    }

    #[test]
    fn a_static_program_has_none() {
        assert!(libraries("\tstatically linked").unwrap().is_empty());
    }

    #[test]
    fn a_missing_library_is_an_error() {
        let error = libraries("\tlibgone.so.1 => not found").unwrap_err();
        assert!(error.contains("libgone.so.1"));
    }

    #[test]
    fn the_tag_tells_the_build() {
        let version = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=d8";
        assert_eq!(tag(version).unwrap(), format!("7.0.15-d8-{LAYOUT}"));
        assert_eq!(tag("something else"), None);
    }

    #[test]
    fn the_loader_is_told_each_folder_once() {
        let changes = changes(&["/lib/a.so", "/lib/b.so", "/usr/lib/c.so"].map(PathBuf::from));
        assert!(changes.contains(&"ENV LD_LIBRARY_PATH=/lib:/usr/lib".to_owned()));
    }
}
