namespace NativeKubelet.Tests.Node;

/// <summary>
/// What keeps a host of these tests apart from all others on the machine, in the names of its directories, control groups and links.
/// NK_TEST_TAG gives it from outside, for one host at a time: so another process can clear away what a killed one left.
/// </summary>
internal static class TestTag
{
    public const string Variable = "NK_TEST_TAG";

    public static string Take() => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given ? given : Random();

    public static string Random() => Guid.NewGuid().ToString("N")[..8];
}
