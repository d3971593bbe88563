using System.Text;
using System.Text.Json;
using k8s.Models;
using NativeKubelet.Cluster;
using NativeKubelet.Config;
using NativeKubelet.Core.Objects;

namespace NativeKubelet.Tests.Fuzz;

/// <summary>What the cluster and the programs that speak for it say, and what of it was kept on the disk.</summary>
internal static class ClusterTargets
{
    private static readonly V1Pod Pod = new()
    {
        ApiVersion = "v1",
        Kind = "Pod",
        Metadata = new() { Name = "web", NamespaceProperty = "default", Uid = "1" },
        Spec = new() { Containers = [new() { Name = "main", Image = "i" }] },
    };

    private static readonly V1Secret Secret = new() { Metadata = new() { Name = "s", NamespaceProperty = "default" }, Data = new Dictionary<string, byte[]> { ["k"] = [1, 2] } };

    public static IReadOnlyList<Target> All { get; } =
    [
        new("watch", [Utf8("""
            {"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","uid":"1","resourceVersion":"5"},"spec":{"containers":[{"name":"c","image":"i"}]}}}
            {"object":{"metadata":{"resourceVersion":"6"}},"type":"BOOKMARK"}
            {"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}

            """)], Follow, typeof(JsonException)),
        new("kubeconfig", [Utf8("""
            apiVersion: v1
            kind: Config
            current-context: a
            contexts: [{name: a, context: {cluster: c, user: u}}]
            clusters: [{name: c, cluster: {server: "https://10.0.0.1:6443/x", certificate-authority: pki/ca.crt, tls-server-name: n, proxy-url: "socks5://p:1"}}]
            users: [{name: u, user: {client-certificate: a.pem, client-key-data: YQ==, tokenFile: t, as: x, as-groups: [g], exec: {apiVersion: client.authentication.k8s.io/v1, command: ./p, args: [a], env: [{name: A, value: b}], interactiveMode: Never}}}]
            """), Utf8("current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: h, certificate-authority-data: YQ==}}]\nusers: [{name: u, user: {token: t}}]\n")],
            b => Kubeconfig.Parse(b, "/etc/kubernetes").ToYaml(), typeof(ConfigException)),
        new("exec credential", [Utf8("""{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t","clientCertificateData":"c","clientKeyData":"k","expirationTimestamp":"2030-01-01T00:00:00Z"}}""")],
            b => ExecCredential.Parse(b), typeof(FormatException)),
        new("cached pod", [CachedPod.Write(Pod, [ApiObjects.Known(ObjectKey.Secret("default", "s"), Secret)])], b => CachedPod.Read(b), typeof(JsonException)),
        new("origin of the boot cache", [new ClusterOrigin("https://10.0.0.1/", ["a", "b"]).Write()], b => ClusterOrigin.Read(b), typeof(JsonException)),
        new("cached surroundings", [CachedSurroundings.Write(
            [new() { Metadata = new() { Name = "db", Uid = "9" }, Spec = new() { ClusterIP = "10.0.0.1", Ports = [new() { Port = 80, TargetPort = 8080 }] } }],
            [new() { Metadata = new() { Name = "r", Uid = "8" }, Handler = "runc" }],
            new() { Metadata = new() { Name = "n", Labels = new Dictionary<string, string> { ["rack"] = "7" } } })], b => CachedSurroundings.Read(b), typeof(JsonException)),
    ];

    private static void Follow(byte[] bytes)
    {
        using MemoryStream body = new(bytes);
        WatchLines.ReadAsync(body, static (type, json) =>
        {
            if (type == WatchEventType.Error) WatchEvent.Failure(json, "pods");
            else WatchEvent.Object<V1Pod>(type, json);
        }, CancellationToken.None).GetAwaiter().GetResult();
    }

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
