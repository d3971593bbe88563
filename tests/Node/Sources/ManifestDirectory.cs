using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Sources;

namespace NativeKubelet.Tests.Node.Sources;

/// <summary>A real directory watched by a running file source; both end with the test.</summary>
internal sealed class ManifestDirectory : IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeLimit.Of(20);

    private readonly string _root = Directory.CreateTempSubdirectory("nk-sources-").FullName;
    private readonly CancellationTokenSource _stop = new();
    private readonly FileSource _source;
    private readonly Task _run;

    /// <param name="path">Watched path below the test's own root.</param>
    /// <param name="period">Long by default: what a test sees came by inotify.</param>
    public ManifestDirectory(string path = "manifests", bool exists = true, TimeSpan? period = null)
    {
        Path = System.IO.Path.Combine(_root, path);
        if (exists) Directory.CreateDirectory(Path);
        LastValidManifests lastValid = new(System.IO.Path.Combine(_root, "data"), NullLogger<LastValidManifests>.Instance);
        _source = new FileSource(Path, "n", period ?? TimeSpan.FromHours(1), lastValid, TimeProvider.System, NullLogger<FileSource>.Instance);
        _run = _source.RunAsync(_stop.Token);
    }

    public string Path { get; }

    public string Root => _root;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public List<PodSet> Seen { get; } = [];

    public static string Pod(string name, string image = "busybox") =>
        $"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{containers: [{{name: c, image: {image}}}]}}\n";

    /// <summary>Writes beside the directory and renames into it, as careful tools do.</summary>
    public void Put(string name, string text)
    {
        string temporary = System.IO.Path.Combine(_root, Guid.NewGuid().ToString("N"));
        File.WriteAllText(temporary, text);
        File.Move(temporary, this[name], overwrite: true);
    }

    /// <summary>Reads sets until one lists exactly these "name=image"; all that were read stay in Seen.</summary>
    public async Task<PodSet> UntilAsync(params string[] pods) => await UntilAsync(set => Names(set).SequenceEqual(pods), string.Join(' ', pods));

    public async Task<PodSet> UntilAsync(Func<PodSet, bool> wanted, string what)
    {
        using CancellationTokenSource deadline = new(Deadline);
        try
        {
            while (true)
            {
                PodSet set = await _source.Sets.ReadAsync(deadline.Token);
                Seen.Add(set);
                if (wanted(set)) return set;
            }
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"never saw {what}; saw [{string.Join("], [", Seen.Select(s => string.Join(' ', Names(s)) + (s.Problems.IsEmpty ? "" : " with problems")))}]");
        }
    }

    /// <summary>Passes when nothing more is published before a marker file of the test's own is.</summary>
    public async Task<PodSet> NothingMoreAsync(params string[] pods)
    {
        Put("zzz-marker", Pod("marker", "m"));
        return await UntilAsync([.. pods, "marker=m"]);
    }

    public static IEnumerable<string> Names(PodSet set) => set.Pods.Select(p => $"{p.Metadata.Name[..^2]}={p.Spec.Containers[0].Image}");

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run;
        _stop.Dispose();
        Directory.Delete(_root, recursive: true);
    }
}
