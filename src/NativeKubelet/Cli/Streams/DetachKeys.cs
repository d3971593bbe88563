namespace NativeKubelet.Cli.Streams;

/// <summary>Looks for Ctrl-P Ctrl-Q in what is typed. A Ctrl-P that something else follows is passed on with it.</summary>
public sealed class DetachKeys
{
    private const byte ControlP = 0x10, ControlQ = 0x11;
    private bool _half;

    /// <returns>What to pass on, and whether the keys were pressed; what comes after them is dropped.</returns>
    public (byte[] Pass, bool Detach) Take(ReadOnlySpan<byte> typed)
    {
        List<byte> pass = new(typed.Length + 1);
        foreach (byte key in typed)
        {
            if (_half && key == ControlQ) return ([.. pass], true);
            if (_half) pass.Add(ControlP);
            _half = key == ControlP;
            if (!_half) pass.Add(key);
        }
        return ([.. pass], false);
    }
}
