using System.Runtime.CompilerServices;
using System.Text;
using k8s.Models;
using NativeKubelet.Core.Manifests;

namespace NativeKubelet.Tests.Unit.Core.Manifests;

/// <summary>Short ways from text to what the decoder makes of it.</summary>
internal static class Manifest
{
    public const string Node = "Node-1";
    public static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero);

    public static DecodedManifest Decode(string text, string path = "/etc/kubernetes/manifests/p.yaml", ManifestScope scope = ManifestScope.Standalone) =>
        ManifestDecoder.Decode(Encoding.UTF8.GetBytes(text), ManifestOrigin.File(path, Node) with { Scope = scope }, Now);

    public static V1Pod Pod(string text)
    {
        DecodedManifest read = Decode(text);
        Assert.True(read.Valid, string.Join('\n', read.Problems));
        return Assert.Single(read.Pods);
    }

    /// <summary>A pod of one container c, with more fields of container and spec in flow style: <c>ports: [{containerPort: 80}]</c>.</summary>
    public static string Yaml(string container = "", string spec = "") =>
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n"
        + string.Concat(spec.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => $"  {l}\n"))
        + "  containers:\n  - name: c\n    image: busybox\n"
        + string.Concat(container.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => $"    {l}\n"));

    /// <summary>field: message of every error.</summary>
    public static string[] Errors(string text, ManifestScope scope = ManifestScope.Standalone) =>
        [.. Decode(text, scope: scope).Problems.Where(p => p.Severity == ProblemSeverity.Error).Select(p => $"{p.Field}: {p.Message}")];

    public static string Fixture(string name, [CallerFilePath] string here = "") =>
        File.ReadAllText(Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../../fixtures", name)));
}
