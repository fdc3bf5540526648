//! In: a namespace, a repository, an image. Out: the objects of Stratify in a cluster, printed or applied.
//! Guarantee: the same as `deploy/base`, which is compiled in; a token or a kubeconfig is named, never read or written.
use super::adopt::name;
use super::{Answer, Failure};
use crate::act::apply::kubernetes::{apply_plain, id_of};
use crate::cli::args::Install;
use crate::cli::print::{Text, Tone};
use crate::client::git::fault;
use crate::client::kubernetes::{Access, Identity, Server};
use crate::decide::value::{Fault, Owner, Value, counted};
use serde_json::{Value as Json, json};
use std::path::PathBuf;

/// In the order in which they are applied.
const BASE: [&str; 6] = [
    include_str!("../../../deploy/base/namespace.yaml"),
    include_str!("../../../deploy/base/service-account.yaml"),
    include_str!("../../../deploy/base/settings.yaml"),
    include_str!("../../../deploy/base/stateful-set.yaml"),
    include_str!("../../../deploy/base/network-policy.yaml"),
    include_str!("../../../deploy/base/target-rbac.yaml"),
];

/// The namespace of the base.
const NAMESPACE: &str = "stratify";

/// Prints or applies what Stratify is in a cluster.
pub(super) fn run(options: &Install) -> Result<Answer, Failure> {
    let objects = objects(options)?;
    let data = json!({ "objects": objects });
    if options.print {
        let documents: Vec<String> =
            objects.iter().map(serde_yaml::to_string).collect::<Result<_, _>>().map_err(Fault::bug)?;
        return Ok(Answer::new(Text::raw(documents.join("---\n")), data));
    }
    if options.repository.is_none() || options.image.is_none() {
        let hint = "give --repository URL and --image IMAGE, or --print to see what it would be";
        let message = "could not install: which repository is watched, by which image, is not said";
        return Err(fault(Owner::Caller, false, message, hint).into());
    }
    apply(options, &objects, data)
}

fn apply(options: &Install, objects: &[Json], mut data: Json) -> Result<Answer, Failure> {
    let values: Vec<Value> = objects
        .iter()
        .map(|object| Value::from_json(object.to_string().as_bytes()).map_err(Fault::bug))
        .collect::<Result<_, _>>()?;
    let access =
        Access::Kubeconfig { file: kubeconfig(options)?, context: options.context.clone(), exec: options.exec.clone() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Fault::bug)?;
    let made = runtime.block_on(async {
        let server = Server::connect("the current context", &access, &Identity::default()).await?;
        apply_plain(&server, &values).await
    })?;
    let mut text = Text::default();
    for (object, is_made) in values.iter().zip(&made) {
        let (tone, word) = if *is_made { (Tone::Good, "+ ") } else { (Tone::Plain, "= ") };
        text.pieces([(tone, format!("{word}{}", name(&id_of(object))))]);
    }
    let namespace = &options.namespace;
    text.line(format!(
        "{} applied, {} made anew",
        counted(made.len(), "object"),
        made.iter().filter(|made| **made).count()
    ));
    if let Some(secret) = &options.credentials {
        text.line(format!(
            "next: kubectl --namespace {namespace} create secret generic {secret} --from-file=token=FILE, unless it is there"
        ));
    }
    text.line(format!("next: kubectl --namespace {namespace} logs --follow stratify-0"));
    data["made"] = json!(made);
    Ok(Answer::new(text, data))
}

/// Returns the kubeconfig that is asked for, else the one that kubectl would read.
fn kubeconfig(options: &Install) -> Result<PathBuf, Fault> {
    if let Some(file) = &options.kubeconfig {
        return Ok(file.clone());
    }
    let named = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let named = std::env::split_paths(&named).find(|file| file.is_file());
    let usual = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".kube/config"));
    named.or_else(usual).ok_or_else(|| {
        let message = "could not install: there is no kubeconfig";
        fault(Owner::Caller, false, message, "name one by --kubeconfig, or by KUBECONFIG")
    })
}

/// Returns the objects of the base, as they are asked for.
fn objects(options: &Install) -> Result<Vec<Json>, Fault> {
    let mut objects = Vec::new();
    for text in BASE {
        let documents: Vec<Json> = serde_yaml::from_multiple(text).map_err(Fault::bug)?;
        objects.extend(documents);
    }
    for object in &mut objects {
        fit(object, options)?;
    }
    Ok(objects)
}

fn fit(object: &mut Json, options: &Install) -> Result<(), Fault> {
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    let namespace = json!(options.namespace);
    if object["metadata"]["namespace"] == NAMESPACE {
        object["metadata"]["namespace"] = namespace.clone();
    }
    if kind == "Namespace" && object["metadata"]["name"] == NAMESPACE {
        object["metadata"]["name"] = namespace.clone();
    }
    for subject in object.get_mut("subjects").and_then(Json::as_array_mut).into_iter().flatten() {
        subject["namespace"] = namespace.clone();
    }
    match &*kind {
        "ConfigMap" => {
            if let Some(settings) = settings(options)? {
                object["data"]["stratify.yaml"] = json!(settings);
            }
        }
        "StatefulSet" => {
            let pod = &mut object["spec"]["template"]["spec"];
            if let Some(image) = &options.image {
                pod["containers"][0]["image"] = json!(image);
            }
            if let (Some(secret), Some(volume)) = (&options.credentials, pod.pointer_mut("/volumes/1/secret")) {
                volume["secretName"] = json!(secret);
            }
        }
        _ => {}
    }
    Ok(())
}

/// Returns the operator's settings; nothing where those of the base stand, as an example.
fn settings(options: &Install) -> Result<Option<String>, Fault> {
    let Some(url) = &options.repository else { return Ok(None) };
    let mut repository = json!({ "url": url, "branch": options.branch });
    if options.credentials.is_some() {
        repository["tokenFile"] = json!("/etc/stratify-git/token");
    }
    let target = |target: &String| match &**target {
        "hub" => json!({ "name": "hub", "inCluster": true }),
        name => json!({ "name": name, "kubeconfig": format!("/etc/stratify-targets/{name}") }),
    };
    let targets: Vec<Json> = options.target.iter().map(target).collect();
    let settings = json!({ "repository": repository, "targets": targets, "state": "/var/lib/stratify/state" });
    serde_yaml::to_string(&settings).map(Some).map_err(Fault::bug)
}
