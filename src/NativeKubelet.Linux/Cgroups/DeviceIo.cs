using System.Buffers.Text;
using System.Collections.Immutable;

namespace NativeKubelet.Linux.Cgroups;

/// <summary>What a group read from and wrote to a block device.</summary>
public readonly record struct DeviceIo(int Major, int Minor, long ReadBytes, long WriteBytes, long Reads, long Writes)
{
    /// <summary>Version 2's io.stat: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 …" per device.</summary>
    public static ImmutableArray<DeviceIo> ParseStat(ReadOnlySpan<byte> text)
    {
        ImmutableArray<DeviceIo>.Builder all = ImmutableArray.CreateBuilder<DeviceIo>();
        for (; TryLine(ref text, out ReadOnlySpan<byte> line);)
            if (TryDevice(ref line, out DeviceIo io))
            {
                while (!line.IsEmpty)
                {
                    ReadOnlySpan<byte> word = Word(ref line);
                    if (word.StartsWith("rbytes="u8)) io = io with { ReadBytes = Number(word[7..]) };
                    else if (word.StartsWith("wbytes="u8)) io = io with { WriteBytes = Number(word[7..]) };
                    else if (word.StartsWith("rios="u8)) io = io with { Reads = Number(word[5..]) };
                    else if (word.StartsWith("wios="u8)) io = io with { Writes = Number(word[5..]) };
                }
                all.Add(io);
            }
        return all.ToImmutable();
    }

    /// <summary>Version 1's blkio.throttle.io_service_bytes and io_serviced: "8:0 Read 1", one line per device and direction.</summary>
    public static ImmutableArray<DeviceIo> ParseThrottle(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> operations)
    {
        Dictionary<(int, int), DeviceIo> all = [];
        for (; TryLine(ref bytes, out ReadOnlySpan<byte> line);)
            if (TryDevice(ref line, out DeviceIo io))
            {
                io = all.GetValueOrDefault((io.Major, io.Minor), io);
                ReadOnlySpan<byte> what = Word(ref line);
                if (what.SequenceEqual("Read"u8)) all[(io.Major, io.Minor)] = io with { ReadBytes = Number(line) };
                else if (what.SequenceEqual("Write"u8)) all[(io.Major, io.Minor)] = io with { WriteBytes = Number(line) };
            }
        for (; TryLine(ref operations, out ReadOnlySpan<byte> line);)
            if (TryDevice(ref line, out DeviceIo io))
            {
                io = all.GetValueOrDefault((io.Major, io.Minor), io);
                ReadOnlySpan<byte> what = Word(ref line);
                if (what.SequenceEqual("Read"u8)) all[(io.Major, io.Minor)] = io with { Reads = Number(line) };
                else if (what.SequenceEqual("Write"u8)) all[(io.Major, io.Minor)] = io with { Writes = Number(line) };
            }
        return [.. all.Values.OrderBy(d => d.Major).ThenBy(d => d.Minor)];
    }

    private static bool TryDevice(ref ReadOnlySpan<byte> line, out DeviceIo io)
    {
        io = default;
        ReadOnlySpan<byte> device = Word(ref line);
        int colon = device.IndexOf((byte)':');
        if (colon <= 0 || !Utf8Parser.TryParse(device[..colon], out int major, out int used) || used != colon) return false;
        if (!Utf8Parser.TryParse(device[(colon + 1)..], out int minor, out used) || used != device.Length - colon - 1) return false;
        io = new(major, minor, 0, 0, 0, 0);
        return true;
    }

    private static bool TryLine(ref ReadOnlySpan<byte> text, out ReadOnlySpan<byte> line)
    {
        line = default;
        if (text.IsEmpty) return false;
        int end = text.IndexOf((byte)'\n');
        line = end < 0 ? text : text[..end];
        text = end < 0 ? default : text[(end + 1)..];
        return true;
    }

    private static ReadOnlySpan<byte> Word(ref ReadOnlySpan<byte> line)
    {
        int end = line.IndexOf((byte)' ');
        ReadOnlySpan<byte> word = end < 0 ? line : line[..end];
        line = end < 0 ? default : line[(end + 1)..];
        return word;
    }

    private static long Number(ReadOnlySpan<byte> text) => CgroupText.Single(text) ?? 0;
}
