using NativeKubelet.Cli.Streams;

namespace NativeKubelet.Tests.Unit.App.Cli;

public sealed class DetachKeysTests
{
    [Theory]
    [InlineData("ls\n", "ls\n", false)]
    [InlineData("a\u0010\u0011b", "a", true)]
    [InlineData("\u0010x\u0011", "\u0010x\u0011", false)]
    [InlineData("\u0010\u0010\u0011", "\u0010", true)]
    public void Only_both_keys_in_a_row_detach(string typed, string passed, bool detached)
    {
        DetachKeys whole = new(), bytewise = new();
        (byte[] Pass, bool Detach) once = whole.Take(typed.Select(c => (byte)c).ToArray());
        List<byte> pieces = [];
        bool left = false;
        foreach (char c in typed)
        {
            if (left) break;
            (byte[] pass, left) = bytewise.Take([(byte)c]);
            pieces.AddRange(pass);
        }

        Assert.Equal((passed, detached), (string.Concat(once.Pass.Select(b => (char)b)), once.Detach));
        Assert.Equal((passed, detached), (string.Concat(pieces.Select(b => (char)b)), left));
    }
}
