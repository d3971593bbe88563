using System.Buffers.Text;

namespace NativeKubelet.Linux.Cgroups;

/// <summary>How long tasks waited for a resource (Documentation/accounting/psi.rst).</summary>
/// <param name="Some">At least one waited.</param>
/// <param name="Full">All waited that had something to do; zero where the kernel does not say, as of processors before 5.13.</param>
public sealed record Pressure(Stall Some, Stall Full)
{
    /// <returns>Null where the text is no pressure.</returns>
    public static Pressure? Parse(ReadOnlySpan<byte> text)
    {
        Stall? some = null, full = null;
        foreach (Range range in text.Split((byte)'\n'))
        {
            ReadOnlySpan<byte> line = text[range];
            if (line.StartsWith("some "u8)) some = Stall.Parse(line["some "u8.Length..]);
            else if (line.StartsWith("full "u8)) full = Stall.Parse(line["full "u8.Length..]);
        }
        return some is { } known ? new(known, full ?? default) : null;
    }
}

/// <param name="Avg10">Percent of the last ten seconds.</param>
/// <param name="TotalMicroseconds">Since the group was made.</param>
public readonly record struct Stall(double Avg10, double Avg60, double Avg300, long TotalMicroseconds)
{
    /// <summary>What follows the line's first word.</summary>
    internal static Stall? Parse(ReadOnlySpan<byte> fields) =>
        Average(fields, "avg10="u8) is { } ten && Average(fields, "avg60="u8) is { } sixty && Average(fields, "avg300="u8) is { } most && Field(fields, "total="u8) is var total
        && Utf8Parser.TryParse(total, out long microseconds, out int used) && used == total.Length && microseconds >= 0
            ? new(ten, sixty, most, microseconds) : null;

    private static double? Average(ReadOnlySpan<byte> fields, ReadOnlySpan<byte> name) =>
        Field(fields, name) is var text && Utf8Parser.TryParse(text, out double value, out int used) && used == text.Length && double.IsFinite(value) ? value : null;

    private static ReadOnlySpan<byte> Field(ReadOnlySpan<byte> fields, ReadOnlySpan<byte> name)
    {
        foreach (Range range in fields.Split((byte)' '))
            if (fields[range].StartsWith(name)) return fields[range][name.Length..];
        return default;
    }
}
