using NativeKubelet.Linux.Files;

namespace NativeKubelet.Runtime.Images.Layers;

/// <summary>
/// What a layer removes from those below it, where its directory cannot say so itself: file systems that take no
/// whiteouts (another overlay, some network file systems). Empty elsewhere. Paths are relative to the layer's root.
/// </summary>
public sealed record LayerRemovals(IReadOnlySet<KernelPath> Names, IReadOnlySet<KernelPath> Opaque)
{
    public static LayerRemovals None { get; } = new(new HashSet<KernelPath>(), new HashSet<KernelPath>());

    public bool IsEmpty => Names.Count == 0 && Opaque.Count == 0;
}

/// <summary>An unpacked layer that a new one is unpacked upon. Takes over <paramref name="root"/>.</summary>
public sealed class LowerLayer(DirectoryHandle root, LayerRemovals removals) : IDisposable
{
    /// <summary>Marks a directory that shows nothing of the layers below it.</summary>
    public const string OpaqueAttribute = "trusted.overlay.opaque";

    public DirectoryHandle Root { get; } = root;

    public LayerRemovals Removals { get; } = removals;

    public void Dispose() => Root.Dispose();

    /// <summary>Looks for a path without following links: its directories must be directories in the merged tree.</summary>
    /// <param name="lowers">Topmost first.</param>
    /// <returns>The directory that holds it and what it is; null when the lower layers together show nothing there.</returns>
    public static Found? Find(IReadOnlyList<LowerLayer> lowers, ReadOnlySpan<KernelPath> path)
    {
        foreach (LowerLayer lower in lowers)
        {
            (Found? found, bool hides) = lower.Look(path);
            if (found is not null || hides) return found;
        }
        return null;
    }

    /// <param name="Directory">The caller disposes it.</param>
    public sealed record Found(DirectoryHandle Directory, KernelPath Name, FileStatus Status) : IDisposable
    {
        public void Dispose() => Directory.Dispose();
    }

    private (Found?, bool Hides) Look(ReadOnlySpan<KernelPath> path)
    {
        DirectoryHandle here = Root.OpenDirectory(".");
        bool hides = false;
        try
        {
            for (int i = 0; i < path.Length; i++)
            {
                if (Removals.Names.Count > 0 && Removals.Names.Contains(LayerPath.Join(path[..(i + 1)]))) return (null, true);
                if (here.TryStatus(path[i]) is not { } status) return (null, hides);
                if (status.IsWhiteout) return (null, true);
                if (i == path.Length - 1)
                {
                    Found found = new(here, path[i], status);
                    here = null!; // moved into the result
                    return (found, false);
                }
                if (status.Kind != FileKind.Directory) return (null, true);
                hides |= Removals.Opaque.Contains(LayerPath.Join(path[..(i + 1)])) || IsOpaque(here, path[i]);
                DirectoryHandle inner = here.OpenDirectory(path[i]);
                here.Dispose();
                here = inner;
            }
            return (null, hides);
        }
        finally
        {
            here?.Dispose();
        }
    }

    public static bool IsOpaque(DirectoryHandle parent, KernelPath name) => parent.TryGetAttribute(name, OpaqueAttribute) is [(byte)'y'];
}
