namespace NativeKubelet.Linux.Systemd;

/// <summary>systemd did not do what it was asked for.</summary>
/// <param name="unit">The unit that it was about; empty where it was about none.</param>
/// <param name="error">The D-Bus error's name, such as "org.freedesktop.systemd1.NoSuchUnit"; empty where the cause is another.</param>
public sealed class SystemdException(string action, string unit, string cause, string error = "", Exception? inner = null)
    : IOException($"systemd: {action}{(unit.Length > 0 ? $" {unit}" : "")}: {cause}", inner)
{
    public string Unit { get; } = unit;

    public string Error { get; } = error;
}
