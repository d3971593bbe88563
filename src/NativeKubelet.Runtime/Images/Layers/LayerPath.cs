using NativeKubelet.Linux.Files;

namespace NativeKubelet.Runtime.Images.Layers;

/// <summary>Paths of archive members, cleaned: relative to the layer's root, without ".", ".." and empty parts.</summary>
internal static class LayerPath
{
    private const int LongestName = 255;

    /// <summary>".." never leads above the root, as in "/.." of a real one; so nothing leaves by the text of a path alone.</summary>
    /// <returns>Empty for the root itself.</returns>
    /// <exception cref="ImageFormatException">Longer or deeper than the limits, or a name that no file system takes.</exception>
    public static List<KernelPath> Clean(KernelPath path, LayerLimits limits)
    {
        if (path.Bytes.Length > limits.PathBytes) throw new ImageFormatException($"a path of {path.Bytes.Length} bytes; at most {limits.PathBytes} are taken");
        List<KernelPath> parts = [];
        for (ReadOnlySpan<byte> rest = path.Bytes; !rest.IsEmpty;)
        {
            int slash = rest.IndexOf((byte)'/');
            ReadOnlySpan<byte> part = slash < 0 ? rest : rest[..slash];
            rest = slash < 0 ? [] : rest[(slash + 1)..];
            if (part.IsEmpty || part.SequenceEqual("."u8)) continue;
            if (part.SequenceEqual(".."u8)) { if (parts.Count > 0) parts.RemoveAt(parts.Count - 1); continue; }
            if (part.Length > LongestName) throw new ImageFormatException($"a name of {part.Length} bytes; at most {LongestName} are possible");
            parts.Add(new(part));
        }
        return parts.Count > limits.Depth ? throw new ImageFormatException($"{parts.Count} directories inside one another; at most {limits.Depth} are taken") : parts;
    }

    public static KernelPath Join(ReadOnlySpan<KernelPath> parts)
    {
        int length = Math.Max(0, parts.Length - 1);
        foreach (KernelPath part in parts) length += part.Bytes.Length;
        byte[] joined = new byte[length];
        int at = 0;
        for (int i = 0; i < parts.Length; i++)
        {
            if (i > 0) joined[at++] = (byte)'/';
            parts[i].Bytes.CopyTo(joined.AsSpan(at));
            at += parts[i].Bytes.Length;
        }
        return new(joined);
    }
}
