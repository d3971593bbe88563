using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NativeKubelet.Sources;

namespace NativeKubelet.Tests.Unit.Sources;

/// <summary>A manifest directory and a data directory of one test's own; both go with it.</summary>
internal sealed class Folder : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("nk-manifests-").FullName;

    public Folder()
    {
        Directory.CreateDirectory(Path);
        Restart();
    }

    public string Path => System.IO.Path.Combine(_root, "manifests");

    public string Data => System.IO.Path.Combine(_root, "data", "manifests");

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));

    public LastValidManifests LastValid => new(Data, NullLogger<LastValidManifests>.Instance);

    public ManifestFolder Manifests { get; private set; } = null!; // set by Restart

    /// <summary>A new agent over what is on disk.</summary>
    public void Restart(string? path = null) => Manifests = new ManifestFolder(path ?? Path, "n", LastValid, Time);

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public static string Pod(string name, string image = "busybox") =>
        $"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{containers: [{{name: c, image: {image}}}]}}\n";

    public void Write(string name, string text) => File.WriteAllText(this[name], text);

    public bool Scan(params string[] unsettled)
    {
        bool changed = Manifests.Rescan(unsettled.ToHashSet());
        foreach ((string path, byte[] content) in Manifests.TakeUnsaved()) LastValid.Save("file", path, content);
        return changed;
    }

    public string Names => string.Join(' ', Manifests.Pods.Select(p => p.Metadata.Name));

    public string Images => string.Join(' ', Manifests.Pods.Select(p => p.Spec.Containers[0].Image));

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
