using System.Buffers.Text;

namespace NativeKubelet.Linux.Cgroups;

/// <summary>Control files' text forms (cgroup-v2.rst, "Format"). Pure, without garbage.</summary>
public static class CgroupText
{
    /// <summary>A file of one number.</summary>
    /// <returns>Null for "max" and for what is no number.</returns>
    public static long? Single(ReadOnlySpan<byte> text)
    {
        text = text.TrimEnd((byte)'\n');
        return Utf8Parser.TryParse(text, out long value, out int used) && used == text.Length ? value : null;
    }

    /// <summary>A file of lines "KEY VALUE".</summary>
    /// <returns>Null when the key is not there.</returns>
    public static long? Keyed(ReadOnlySpan<byte> text, ReadOnlySpan<byte> key)
    {
        while (!text.IsEmpty)
        {
            int end = text.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = end < 0 ? text : text[..end];
            if (line.Length > key.Length && line[key.Length] == (byte)' ' && line.StartsWith(key)) return Single(line[(key.Length + 1)..]);
            if (end < 0) break;
            text = text[(end + 1)..];
        }
        return null;
    }

    /// <summary>How many tasks the machine has: the second number of the fourth word of /proc/loadavg (proc(5)).</summary>
    public static long? Tasks(ReadOnlySpan<byte> loadavg)
    {
        int slash = loadavg.IndexOf((byte)'/');
        if (slash < 0) return null;
        ReadOnlySpan<byte> rest = loadavg[(slash + 1)..];
        int end = rest.IndexOf((byte)' ');
        return end < 0 ? null : Single(rest[..end]);
    }
}
