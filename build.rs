//! Reads httpd's headers (the ones that `apxs` names) and says how to link.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/apache/bindings.h");
    println!("cargo:rerun-if-env-changed=APXS");
    // httpd unloads its modules at every restart, but libpython and the threads' own storage cannot be unloaded.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    refuse_reference_pool();
    generate_bindings();
}

/// The flags of `.cargo/config.toml` are of the kind that RUSTFLAGS replaces, and without them the
/// module builds and runs, and frees objects in the wrong interpreter.
fn refuse_reference_pool() {
    let name = "pyo3_disable_reference_pool";
    if env::var_os(format!("CARGO_CFG_{}", name.to_uppercase())).is_none() {
        eprintln!(
            "build.rs: compiled without --cfg {name}: RUSTFLAGS takes the place of the flags in \
             .cargo/config.toml; unset it, and put yours into CARGO_BUILD_RUSTFLAGS, which adds to them"
        );
        std::process::exit(1);
    }
}

fn generate_bindings() {
    let mut arguments = vec![format!("-I{}", apxs("INCLUDEDIR"))];
    arguments.extend(
        words(&format!("{} {}", apxs("EXTRA_INCLUDES"), apxs("CFLAGS")))
            .filter(|word| word.starts_with("-I") || word.starts_with("-D")),
    );
    let apr = Command::new("apr-1-config").arg("--includes").output();
    if let Ok(output) = apr {
        arguments.extend(words(&String::from_utf8_lossy(&output.stdout)));
    }
    let bindings = bindgen::Builder::default()
        .header("src/apache/bindings.h")
        .clang_args(arguments)
        .allowlist_function("(ap|apr)_.*")
        .allowlist_type("(ap|apr)_.*|request_rec|conn_rec|server_rec|server_addr_rec|module|command_rec|cmd_parms|process_rec|core_.*|auth[nz]_.*|include_.*")
        .allowlist_var("(AP|APR|APLOG|HTTP|M|OR|RSRC|ACCESS|EXEC|DECLINED|OK|DONE|REQUEST|PROXYREQ|REMOTE|MODULE|SERVER|CGI|DIR|INCLUDES|ENABLE|SSI)_.*|ap_.*|DECLINED|OK|DONE|SUSPENDED|M_.*|OR_ALL|RSRC_CONF|ACCESS_CONF|.*_MAGIC_TYPE.*|apr_bucket_type_.*")
        .blocklist_function("ap_log_.*_va|apr_v.*printf.*")
        .layout_tests(false)
        .generate_comments(false)
        .derive_debug(false)
        .merge_extern_blocks(true)
        .prepend_enum_name(false)
        .formatter(bindgen::Formatter::None)
        .generate()
        .expect("bindgen reads httpd's headers (is apache2-dev or httpd-devel installed?)");
    let directory = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    bindings.write_to_file(directory.join("httpd.rs")).expect("OUT_DIR is writable");
    fs::write(directory.join("absent.rs"), absent(&bindings.to_string()))
        .expect("OUT_DIR is writable");
}

/// Definitions of all that `bindings` declares, for test executables: httpd, which has the real
/// ones, is absent there. They make the linker content, and end the process when called.
fn absent(bindings: &str) -> String {
    let words: Vec<&str> = bindings
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .collect();
    let after = |first: &str, second: &str| {
        let found = words.windows(3).filter(|three| three[0] == first && three[1] == second);
        let names = found.map(|three| three[2]);
        names
            .filter(|name| name.starts_with("ap_") || name.starts_with("apr_"))
            .collect::<BTreeSet<_>>()
    };
    let mut text = String::new();
    for name in after("pub", "fn") {
        text +=
            &format!("#[unsafe(no_mangle)] extern \"C\" fn {name}() {{ std::process::abort() }}\n");
    }
    for name in after("static", "mut").union(&after("pub", "static")) {
        text += &format!("#[unsafe(no_mangle)] static {name}: [usize; 16] = [0; 16];\n");
    }
    text
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split_whitespace().map(str::to_owned)
}

/// One value of `apxs -q`.
fn apxs(name: &str) -> String {
    let program = env::var("APXS").unwrap_or_else(|_| "apxs".to_owned());
    let output = Command::new(&program).args(["-q", name]).output();
    match output {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => panic!("`{program} -q {name}` failed: install apache2-dev (httpd-devel) or set APXS"),
    }
}
