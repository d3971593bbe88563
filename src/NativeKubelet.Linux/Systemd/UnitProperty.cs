namespace NativeKubelet.Linux.Systemd;

/// <summary>A property of a unit as org.freedesktop.systemd1(5) names it, with its value's D-Bus type.</summary>
public sealed record UnitProperty(string Name, string Type, object Value)
{
    /// <summary>What systemd means by "infinity".</summary>
    public const ulong Infinity = ulong.MaxValue;

    public static UnitProperty Number(string name, ulong value) => new(name, "t", value);

    public static UnitProperty Flag(string name, bool value) => new(name, "b", value);

    public static UnitProperty Text(string name, string value) => new(name, "s", value);

    public static UnitProperty Names(string name, params string[] values) => new(name, "as", values);

    public static UnitProperty Processes(int pid) => new("PIDs", "au", (uint)pid);

    /// <summary>As an element of "a(sv)".</summary>
    internal void WriteTo(DBusWriter writer)
    {
        writer.Align(8);
        writer.String(Name);
        writer.Signature(Type);
        switch (Value)
        {
            case ulong number: writer.UInt64(number); break;
            case bool flag: writer.Boolean(flag); break;
            case string text: writer.String(text); break;
            case string[] names: writer.Array(4, w => { foreach (string name in names) w.String(name); }); break;
            case uint pid: writer.Array(4, w => w.UInt32(pid)); break;
        }
    }
}
