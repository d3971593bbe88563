using System.Collections.Immutable;
using System.Threading.Channels;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Sources;

namespace NativeKubelet.Composition;

/// <summary>The manifests that a person named on the command line: read once, and taken as they were then.</summary>
internal sealed class GivenManifests : IPodSource
{
    private const int MostBytes = 10 << 20;
    private readonly Channel<PodSet> _sets = Channel.CreateUnbounded<PodSet>();

    private GivenManifests(PodSet pods) => _sets.Writer.TryWrite(Pods = pods);

    public PodSet Pods { get; }

    public string Name => ManifestOrigin.FileSource;

    public bool Ready => true;

    public ChannelReader<PodSet> Sets => _sets.Reader;

    /// <param name="paths">Files, and directories of which every file counts that is no hidden one.</param>
    /// <exception cref="IOException">A path cannot be read.</exception>
    public static GivenManifests Read(IEnumerable<string> paths, string nodeName, DateTimeOffset now)
    {
        ImmutableArray<DecodedManifest> decoded = [.. paths.SelectMany(Files).Select(path => ManifestDecoder.Decode(Content(path), ManifestOrigin.File(path, nodeName), now))];
        return new(new PodSet(ManifestOrigin.FileSource, [.. decoded.SelectMany(d => d.Pods)], [.. decoded.SelectMany(d => d.Problems)])
        {
            Objects = [.. decoded.SelectMany(d => d.Objects)],
        });
    }

    public Task RunAsync(CancellationToken cancel) => Task.Delay(Timeout.Infinite, cancel).ContinueWith(_ => { }, TaskScheduler.Default);

    private static IEnumerable<string> Files(string path)
    {
        string full = Path.GetFullPath(path);
        if (!Directory.Exists(full)) return [full];
        return Directory.GetFiles(full).Where(f => !Path.GetFileName(f).StartsWith('.')).Order(StringComparer.Ordinal);
    }

    private static byte[] Content(string path)
    {
        try
        {
            return RegularFile.TryRead(path, MostBytes, out byte[] content) switch
            {
                RegularFileResult.Read => content,
                RegularFileResult.Missing => throw new FileNotFoundException($"{path}: no such file"),
                RegularFileResult.TooLarge => throw new IOException($"{path}: larger than {MostBytes >> 20} MiB, so no manifest"),
                _ => throw new IOException($"{path}: no regular file"),
            };
        }
        catch (ErrnoException e)
        {
            throw new IOException($"{path}: {e.Message}", e);
        }
    }
}
