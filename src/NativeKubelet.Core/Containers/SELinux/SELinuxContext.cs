using System.Buffers;

namespace NativeKubelet.Core.Containers.SELinux;

/// <summary>
/// What SELinux calls a context, and people a label: user:role:type:level. Well-formed only: whether a policy knows it is the
/// kernel's to say.
/// </summary>
/// <param name="Level">Null in a policy without levels.</param>
public sealed record SELinuxContext(string User, string Role, string Type, string? Level)
{
    private const int Parts = 4;

    // A context becomes a mount option in quotation marks, so a mark in it could end the option and begin another.
    private static readonly SearchValues<char> s_ofNames = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");
    private static readonly SearchValues<char> s_ofLevels = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-:,");

    /// <summary>A user, a role or a type.</summary>
    public static bool IsName(string text) => text.Length is > 0 and < 256 && !text.AsSpan().ContainsAnyExcept(s_ofNames);

    /// <summary>s0, s0:c1,c2 or s0-s0:c0.c1023.</summary>
    public static bool IsLevel(string text) => text.Length is > 0 and < 2048 && !text.AsSpan().ContainsAnyExcept(s_ofLevels);

    /// <returns>Null when it is none.</returns>
    public static SELinuxContext? TryParse(string text)
    {
        // A level has colons of its own.
        string[] parts = text.Split(':', Parts);
        return parts.Length >= Parts - 1 && parts[..3].All(IsName) && parts[3..].All(IsLevel)
            ? new(parts[0], parts[1], parts[2], parts.ElementAtOrDefault(3)) : null;
    }

    public override string ToString() => Level is null ? $"{User}:{Role}:{Type}" : $"{User}:{Role}:{Type}:{Level}";
}
