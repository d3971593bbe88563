using System.Text.Json.Nodes;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>
/// What a node may do: the rights of the node authorizer and the NodeRestriction admission, so that a node that asks for more
/// than a real cluster gives is found here.
/// </summary>
public sealed class NodeAuthorizer(ObjectStore store)
{
    private static readonly string[] Shared = ["services", "runtimeclasses", "csidrivers"];

    /// <returns>Why not; null when it may.</returns>
    public string? Refusal(string node, ApiRequest request, Selectors selectors)
    {
        bool reads = request.Verb is "get" or "list" or "watch";
        return (request.Kind.Plural, request.SubResource) switch
        {
            ("nodes", "") when reads => request.Verb == "get" || selectors.Fields.Contains("metadata.name=", StringComparison.Ordinal) ? null : "a node lists its own Node only, by metadata.name",
            ("nodes", "" or "status") when request.Verb is "create" or "update" or "patch" => request.Name.Length == 0 || request.Name == node ? null : "a node changes its own Node only",
            ("pods", "") when reads && request.Verb == "get" => (PodOf(request)?.Node ?? node) == node ? null : "the pod is not bound to this node",
            ("pods", "") when reads => selectors.Fields.Contains($"spec.nodeName={node}", StringComparison.Ordinal) ? null : "a node lists its own pods only, by spec.nodeName",
            ("pods", "") when request.Verb == "create" => null,       // mirror pods only: admission judges the body
            ("pods", "" or "status" or "eviction") when request.Verb is "delete" or "update" or "patch" or "create" =>
                request is { SubResource: "", Verb: "update" or "patch" } ? "a node changes a pod's status only" : PodOf(request) is { Node: var owner } && owner != node ? "the pod is not bound to this node" : null,
            ("leases", "") => request.Namespace == "kube-node-lease" && (request.Name.Length == 0 ? request.Verb == "create" : request.Name == node) ? null : "a node has its own lease only",
            ("events", "") when request.Verb is "create" or "update" or "patch" => null,
            ("certificatesigningrequests", "") when request.Verb is "create" or "get" or "list" or "watch" => null,
            ("tokenreviews" or "subjectaccessreviews", "") when request.Verb == "create" => null,
            ("csinodes", "") => request.Verb == "create" || request.Name == node ? null : "a node has its own CSINode only",
            ("secrets" or "configmaps", "") when reads => NameOf(request, selectors) is { Length: > 0 } name ? Related(node, request.Namespace, request.Kind.Plural, name) : "a node reads named objects only",
            ("persistentvolumeclaims", "") when request.Verb == "get" => null,
            ("persistentvolumes" or "volumeattachments", "") when request.Verb == "get" => null,
            ("serviceaccounts", "token") when request.Verb == "create" => UsesAccount(node, request) ? null : "no pod on this node uses the service account",
            ("serviceaccounts", "") when request.Verb == "get" => null,
            (var shared, "") when reads && Shared.Contains(shared) => null,
            _ => "the node authorizer has no rule for it",
        };
    }

    /// <summary>Admission NodeRestriction: a node gets tokens only for pods of its own, each bound to its pod.</summary>
    public string? TokenRefusal(string node, ApiRequest request, JsonObject body)
    {
        JsonNode? bound = body["spec"]?["boundObjectRef"];
        if (Text(bound?["kind"]) != "Pod" || Text(bound?["name"]).Length == 0 || Text(bound?["uid"]).Length == 0) return "node requested token not bound to a pod";
        JsonObject? pod = Pods(node).FirstOrDefault(p => Text(Meta(p)["namespace"]) == request.Namespace && Text(Meta(p)["name"]) == Text(bound!["name"]));
        if (pod is null) return "node requested token bound to a pod scheduled on a different node";
        return Text(Meta(pod)["uid"]) == Text(bound!["uid"]) ? null : "the UID in the bound object reference does not match the UID in record";
    }

    private (string Node, JsonObject Pod)? PodOf(ApiRequest request) =>
        store.Find(request.Kind, request.Namespace, request.Name) is { } pod ? (Text(pod["spec"]?["nodeName"]), pod) : null;

    private static string NameOf(ApiRequest request, Selectors selectors) =>
        request.Name.Length > 0 ? request.Name : selectors.Fields.Split(',').Where(f => f.StartsWith("metadata.name=", StringComparison.Ordinal)).Select(f => f["metadata.name=".Length..]).FirstOrDefault("");

    private IEnumerable<JsonObject> Pods(string node) =>
        store.List(ResourceKind.Find("", "v1", "pods")!, "").Items.Where(p => Text(p["spec"]?["nodeName"]) == node);

    /// <summary>As the authorizer's graph: only what a pod of this node names.</summary>
    private string? Related(string node, string scope, string plural, string name)
    {
        bool named = Pods(node).Where(p => Text(Meta(p)["namespace"]) == scope).Any(p => p["spec"]!.ToJsonString().Contains($"\"{name}\"", StringComparison.Ordinal));
        return named ? null : $"no relationship found between node '{node}' and this object";
    }

    private bool UsesAccount(string node, ApiRequest request) =>
        Pods(node).Any(p => Text(Meta(p)["namespace"]) == request.Namespace && Text(p["spec"]?["serviceAccountName"]) == request.Name);
}
