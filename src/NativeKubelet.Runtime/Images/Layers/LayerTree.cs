using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime.Images.Layers;

/// <summary>
/// The directory of a layer while it grows, seen together with the layers below it. Finds and makes the directories that
/// entries live in: links on the way are resolved here, one component at a time with the layer's root as "/", and the
/// kernel never follows one.
/// </summary>
internal sealed class LayerTree(DirectoryHandle root, IReadOnlyList<LowerLayer> lowers) : IDisposable
{
    private const int MaxLinks = 40;
    private readonly HashSet<KernelPath> _removed = [], _opaque = [];
    private readonly Dictionary<KernelPath, FileTime> _directoryTimes = [];
    private Place? _last;
    private KernelPath _lastAsked;
    private bool _inexpressible;

    /// <summary>A directory of the layer and where it really is, links resolved.</summary>
    public sealed record Place(DirectoryHandle Directory, KernelPath[] Path)
    {
        public KernelPath Child(KernelPath name) => LayerPath.Join([.. Path, name]);
    }

    /// <summary>The root shows nothing of the layers below.</summary>
    public bool HidesLowers { get; private set; }

    /// <summary>What could not be written down in the directory itself.</summary>
    public LayerRemovals Inexpressible => _inexpressible ? new(_removed, _opaque) : LayerRemovals.None;

    /// <summary>Finds or makes a directory. It stays open until another is asked for.</summary>
    /// <exception cref="ImageFormatException">A file is in the way, or links go in a circle.</exception>
    public Place Directory(ReadOnlySpan<KernelPath> parts)
    {
        KernelPath asked = LayerPath.Join(parts);
        if (_last is { } last && _lastAsked == asked) return last;
        Place place = Resolve(parts, make: true)!;
        Forget();
        (_last, _lastAsked) = (place, asked);
        return place;
    }

    /// <summary>The same without making anything in the layer; the caller disposes the directory.</summary>
    /// <returns>Null when the layer itself has no such directory; its real path all the same.</returns>
    public (Place? Place, KernelPath[] Path) Find(ReadOnlySpan<KernelPath> parts)
    {
        List<KernelPath> real = [];
        Place? place = Resolve(parts, make: false, real);
        return (place, place?.Path ?? [.. real]);
    }

    /// <summary>Looks below the layer, where it lets one look through.</summary>
    public LowerLayer.Found? Below(ReadOnlySpan<KernelPath> path)
    {
        if (HidesLowers) return null;
        if (_removed.Count + _opaque.Count > 0)
            for (int i = 1; i <= path.Length; i++)
            {
                KernelPath prefix = LayerPath.Join(path[..i]);
                if (_removed.Contains(prefix) || (i < path.Length && _opaque.Contains(prefix))) return null;
            }
        return LowerLayer.Find(lowers, path);
    }

    public bool IsRemoved(Place parent, KernelPath name) => _removed.Contains(parent.Child(name));

    /// <summary>Hides what the lower layers have under this name; what the layer itself has there stays, whichever came first.</summary>
    public void Remove(Place parent, KernelPath name)
    {
        KernelPath path = parent.Child(name);
        if (_removed.Contains(path)) return;
        FileStatus? own = parent.Directory.TryStatus(name);
        if (own is { Kind: FileKind.Directory }) MakeOpaque(parent, name);
        if (own is not null) return;
        _removed.Add(path);
        try
        {
            parent.Directory.MakeNode(name, FileKind.CharacterDevice, 0, 0, 0);
        }
        catch (ErrnoException e) when (e.Errno is Errno.EPERM or Errno.EACCES or Errno.ENOTSUP)
        {
            _inexpressible = true;
        }
    }

    /// <summary>Hides the lower layers' content of the layer's own directory <paramref name="name"/>.</summary>
    public void MakeOpaque(Place parent, KernelPath name)
    {
        if (!_opaque.Add(parent.Child(name))) return;
        int errno = parent.Directory.TrySetAttribute(name, LowerLayer.OpaqueAttribute, "y"u8);
        if (errno is Errno.EPERM or Errno.ENOTSUP or Errno.EACCES) _inexpressible = true;
        else if (errno != 0) throw new ErrnoException($"lsetxattr {LowerLayer.OpaqueAttribute}", name.ToString(), errno);
    }

    /// <summary>Overlayfs looks for no mark on a root: the layers below are left out of the stack instead.</summary>
    public void MakeRootOpaque() => HidesLowers = true;

    /// <summary>Makes room for an entry: whatever the layer has under the name goes, also a mark that it is removed.</summary>
    /// <returns>True when the lower layers' entry of this name had been removed by this layer.</returns>
    public bool Clear(Place parent, KernelPath name)
    {
        bool was = _removed.Remove(parent.Child(name));
        if (parent.Directory.RemoveTree(name) && !was) Forgotten(parent.Child(name));
        return was;
    }

    /// <summary>A directory's time is set when nothing more is put into it.</summary>
    public void SetTimeLater(KernelPath path, FileTime time) => _directoryTimes[path] = time;

    public void SetTimes(LayerLimits limits)
    {
        Forget();
        foreach ((KernelPath path, FileTime time) in _directoryTimes)
        {
            List<KernelPath> parts = LayerPath.Clean(path, limits);
            if (parts.Count == 0) { root.SetModified(".", time); continue; }
            (Place? parent, _) = Find(parts.ToArray().AsSpan(0, parts.Count - 1));
            using DirectoryHandle? directory = parent?.Directory;
            if (directory?.TryStatus(parts[^1]) is { Kind: FileKind.Directory }) directory.SetModified(parts[^1], time);
        }
    }

    public void Dispose() => Forget();

    /// <summary>Must be called whenever a directory or link on a path may have gone.</summary>
    public void Forget()
    {
        _last?.Directory.Dispose();
        _last = null;
    }

    // A tree of the layer's own is gone, with what it had said of the layers below.
    private void Forgotten(KernelPath path)
    {
        Forget();
        byte[] prefix = [.. path.Bytes, (byte)'/'];
        _removed.RemoveWhere(p => p.Bytes.StartsWith(prefix));
        _opaque.RemoveWhere(p => p == path || p.Bytes.StartsWith(prefix));
        foreach (KernelPath gone in _directoryTimes.Keys.Where(p => p == path || p.Bytes.StartsWith(prefix)).ToArray()) _directoryTimes.Remove(gone);
    }

    private Place? Resolve(ReadOnlySpan<KernelPath> parts, bool make, List<KernelPath>? real = null)
    {
        Stack<KernelPath> todo = new();
        for (int i = parts.Length - 1; i >= 0; i--) todo.Push(parts[i]);
        List<KernelPath> path = real ?? [];
        // Directories that exist in the layer; beyond them (make: false) only the path goes on.
        List<DirectoryHandle> open = [root.OpenDirectory(".")];
        int links = 0;
        try
        {
            while (todo.TryPop(out KernelPath name))
            {
                if (name == "..")
                {
                    if (path.Count == 0) continue;
                    path.RemoveAt(path.Count - 1);
                    if (open.Count > path.Count + 1) Close(open, path.Count + 1);
                    continue;
                }
                DirectoryHandle? here = open.Count == path.Count + 1 ? open[^1] : null;
                path.Add(name);
                DirectoryHandle? inner = here?.TryOpenDirectory(name, out _);
                if (inner is null && LinkAt(here, path) is { } target)
                {
                    if (++links > MaxLinks) throw new ImageFormatException($"{LayerPath.Join(parts)}: links go in a circle");
                    path.RemoveAt(path.Count - 1);
                    if (Push(target, todo)) { path.Clear(); Close(open, 1); }
                    continue;
                }
                if (inner is null && make) inner = Make(here!, path);
                if (inner is not null) open.Add(inner);
            }
            if (open.Count != path.Count + 1) return null;
            Place place = new(open[^1], [.. path]);
            open.RemoveAt(open.Count - 1);
            return place;
        }
        finally
        {
            Close(open, 0);
        }
    }

    /// <summary>The text of a link, in the layer or where it shows those below; null when it is something else or nothing.</summary>
    private KernelPath? LinkAt(DirectoryHandle? here, List<KernelPath> path)
    {
        if (here?.TryStatus(path[^1]) is { } own) return own.Kind == FileKind.SymbolicLink ? here.ReadLink(path[^1]) : default(KernelPath?);
        using LowerLayer.Found? below = Below(path.ToArray());
        return below is { Status.Kind: FileKind.SymbolicLink } ? below.Directory.ReadLink(below.Name) : default(KernelPath?);
    }

    /// <summary>Makes a directory that an entry presupposes: as the layers below have it, or 0755 of root.</summary>
    private DirectoryHandle Make(DirectoryHandle here, List<KernelPath> path)
    {
        KernelPath name = path[^1], joined = LayerPath.Join(path.ToArray());
        bool removed = _removed.Remove(joined);
        if (here.TryStatus(name) is { } own)
        {
            if (!removed || !own.IsWhiteout) throw new ImageFormatException($"{joined} is a {own.Kind}, but other entries lie below it");
            here.Unlink(name);
        }
        using LowerLayer.Found? below = removed ? null : Below(path.ToArray());
        here.MakeDirectory(name);
        if (below is { Status.Kind: FileKind.Directory })
        {
            FileCopy.CopyAttributes(below.Directory, below.Name, below.Status, here, name);
            SetTimeLater(joined, below.Status.Modified);
        }
        else
        {
            here.SetOwner(name, 0, 0);
            here.SetMode(name, 0x1ED);
        }
        if (removed) MakeOpaque(new(here, [.. path[..^1]]), name);
        return here.OpenDirectory(name);
    }

    private static void Close(List<DirectoryHandle> open, int keep)
    {
        for (int i = open.Count - 1; i >= keep; i--) open[i].Dispose();
        open.RemoveRange(keep, open.Count - keep);
    }

    /// <returns>True for an absolute link.</returns>
    private static bool Push(KernelPath target, Stack<KernelPath> todo)
    {
        for (ReadOnlySpan<byte> rest = target.Bytes; !rest.IsEmpty;)
        {
            int slash = rest.LastIndexOf((byte)'/');
            ReadOnlySpan<byte> part = rest[(slash + 1)..];
            if (!part.IsEmpty && !part.SequenceEqual("."u8)) todo.Push(new(part));
            rest = slash < 0 ? [] : rest[..slash];
        }
        return target.Bytes.StartsWith("/"u8);
    }
}
