using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Objects;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Sources;

/// <summary>
/// The files below a static pod path and what each of them last said. Synchronous, owned by one loop: that loop says when to
/// look, this says what is there.
/// </summary>
/// <param name="path">A directory, or one file; without a trailing slash.</param>
internal sealed class ManifestFolder(string path, string nodeName, LastValidManifests lastValid, TimeProvider time, ManifestScope scope = ManifestScope.Standalone)
{
    public const int MostBytes = 10 << 20;

    private readonly SortedDictionary<string, ManifestFile> _files = new(StringComparer.Ordinal);
    private readonly List<(string Path, byte[] Content)> _unsaved = [];
    private ManifestProblem? _problem;

    public IEnumerable<V1Pod> Pods => _files.Values.SelectMany(f => f.Pods);

    public IEnumerable<NodeObject> Objects => _files.Values.SelectMany(f => f.Objects);

    public IEnumerable<ManifestProblem> Problems => (_problem is null ? [] : new[] { _problem }).Concat(_files.Values.SelectMany(f => f.Problems));

    /// <summary>Editors' left-overs are no manifests; names that begin with a dot are not looked at, as in the original.</summary>
    public static bool IsManifestName(string name) =>
        name.Length > 0 && name[0] != '.' && name[^1] != '~' && !(name[0] == '#' && name[^1] == '#');

    /// <summary>Lists anew: reads every file, forgets those that are gone.</summary>
    /// <param name="unsettled">Names that somebody is writing or replacing just now; what they said before stays.</param>
    /// <returns>True when something is other than before.</returns>
    public bool Rescan(IReadOnlySet<string> unsettled)
    {
        if (!TryList(out List<string> files, out ManifestProblem? problem))
        {
            // Nothing can be said about the files, so nothing ends: a directory that cannot be read is not an empty one.
            return ReplaceProblem(problem);
        }
        bool changed = ReplaceProblem(problem);
        foreach (string gone in _files.Keys.Except(files).Where(f => !unsettled.Contains(Path.GetFileName(f))).ToList()) changed |= _files.Remove(gone);
        foreach (string file in files)
            if (!unsettled.Contains(Path.GetFileName(file))) changed |= Refresh(file);
        lastValid.KeepOnly(ManifestOrigin.FileSource, _files.Keys.Concat(files));
        return changed;
    }

    /// <summary>Looks at one entry, by its name in the directory.</summary>
    public bool RefreshName(string name)
    {
        string file = Directory.Exists(path) ? Path.Combine(path, name) : path;
        return Path.GetFileName(file) == name && IsManifestName(name) && Refresh(file);
    }

    /// <summary>What became valid since the last call, to be kept in the store once the pods are on their way.</summary>
    public List<(string Path, byte[] Content)> TakeUnsaved()
    {
        List<(string, byte[])> taken = [.. _unsaved];
        _unsaved.Clear();
        return taken;
    }

    private bool Refresh(string file)
    {
        ManifestFile? before = _files.GetValueOrDefault(file);
        byte[] content;
        try
        {
            switch (RegularFile.TryRead(file, MostBytes, out content))
            {
                case RegularFileResult.Missing:
                    lastValid.Forget(ManifestOrigin.FileSource, file);
                    return _files.Remove(file);
                case RegularFileResult.NotRegular:
                    // A directory says nothing; a socket or device where a manifest should be is worth a word.
                    return Directory.Exists(file) ? _files.Remove(file) : Put(Failed(file, "is no regular file, skipped", ProblemSeverity.Warning));
                case RegularFileResult.TooLarge:
                    return Put(StandIn(before, Failed(file, $"is larger than {MostBytes} bytes")));
            }
        }
        catch (IOException e)
        {
            return Put(StandIn(before, Failed(file, e.Message)));
        }

        if (before is not null && before.Content.AsSpan().SequenceEqual(content) && !before.Unreadable) return false;
        ManifestFile read = Decode(file, content);
        if (!read.Valid) return Put(StandIn(before, read));
        _unsaved.Add((file, content));
        return Put(read);
    }

    /// <summary>An invalid file's pods and objects stay those of its last valid content, from memory or from the store.</summary>
    private ManifestFile StandIn(ManifestFile? before, ManifestFile invalid)
    {
        (ImmutableArray<V1Pod> pods, ImmutableArray<NodeObject> objects) = (before?.Pods ?? [], before?.Objects ?? []);
        bool stands = before is { Valid: true } or { StandsIn: true };
        if (before is null && lastValid.Load(ManifestOrigin.FileSource, invalid.Path) is { } kept)
        {
            ManifestFile old = Decode(invalid.Path, kept);
            (pods, objects, stands) = (old.Pods, old.Objects, old.Valid);
        }
        return stands
            ? invalid with { Pods = pods, Objects = objects, StandsIn = true, Problems = [.. invalid.Problems.Select(p => p with { StandIn = true })] }
            : invalid;
    }

    private ManifestFile Decode(string file, byte[] content)
    {
        DecodedManifest read = ManifestDecoder.Decode(content, ManifestOrigin.File(file, nodeName) with { Scope = scope }, time.GetUtcNow());
        return new(file, content, read.Pods, read.Objects, read.Problems, read.Valid);
    }

    private static ManifestFile Failed(string file, string message, ProblemSeverity severity = ProblemSeverity.Error) =>
        new(file, [], [], [], [new(file, 0, 0, "", message, severity)], Valid: false) { Unreadable = true };

    private bool Put(ManifestFile file)
    {
        bool same = _files.TryGetValue(file.Path, out ManifestFile? before)
            && before.Problems.SequenceEqual(file.Problems) && before.Pods.SequenceEqual(file.Pods) && before.Objects.SequenceEqual(file.Objects);
        _files[file.Path] = file;
        return !same;
    }

    private bool ReplaceProblem(ManifestProblem? problem)
    {
        bool changed = problem != _problem;
        _problem = problem;
        return changed;
    }

    private bool TryList(out List<string> files, out ManifestProblem? problem)
    {
        files = [];
        problem = null;
        try
        {
            // Not Directory.Exists: that takes a disk that answers with an error for one that has nothing.
            if (File.GetAttributes(path).HasFlag(FileAttributes.Directory))
                files = [.. Directory.EnumerateFileSystemEntries(path).Where(f => IsManifestName(Path.GetFileName(f))).Order(StringComparer.Ordinal)];
            else
                files = [path];
            return true;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problem = new(path, 0, 0, "", $"cannot be listed: {e.Message}; what it held runs on", ProblemSeverity.Error);
            return false;
        }
    }

    /// <param name="Content">What was read; empty where nothing could be.</param>
    private sealed record ManifestFile(
        string Path, byte[] Content, ImmutableArray<V1Pod> Pods, ImmutableArray<NodeObject> Objects, ImmutableArray<ManifestProblem> Problems, bool Valid)
    {
        /// <summary>The pods are those of older content.</summary>
        public bool StandsIn { get; init; }

        public bool Unreadable { get; init; }
    }
}
