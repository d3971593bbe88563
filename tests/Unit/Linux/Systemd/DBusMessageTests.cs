using System.Text;
using NativeKubelet.Linux.Systemd;

namespace NativeKubelet.Tests.Unit.Linux.Systemd;

public sealed class DBusMessageTests
{
    /// <summary>ResetFailedUnit("a.scope") as the specification has it, byte by byte.</summary>
    private const string Golden =
        "6c010001" + "0c000000" + "07000000" + "9f000000"                                                      // little endian, call, version 1; body 12, serial 7, fields 159
        + "01016f00" + "19000000" + "2f6f72672f667265656465736b746f702f73797374656d6431" + "00" + "000000000000" // path
        + "02017300" + "20000000" + "6f72672e667265656465736b746f702e73797374656d64312e4d616e61676572" + "00" + "00000000000000" // interface
        + "03017300" + "0f000000" + "52657365744661696c6564556e6974" + "00"                                        // member
        + "06017300" + "18000000" + "6f72672e667265656465736b746f702e73797374656d6431" + "00" + "00000000000000" // destination
        + "08016700" + "0173" + "00" + "00"                                                                     // signature, padding to eight
        + "07000000" + "612e73636f7065" + "00";

    private static DBusMessage Reset
    {
        get
        {
            DBusWriter body = new();
            body.String("a.scope");
            return new(DBusKind.Call, 7, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "ResetFailedUnit", "s", body.Written.ToArray())
            {
                Destination = "org.freedesktop.systemd1",
            };
        }
    }

    [Fact]
    public void A_call_is_marshalled_as_the_specification_says() => Assert.Equal(Golden, Convert.ToHexStringLower(Reset.ToBytes()));

    [Fact]
    public void What_is_marshalled_is_read_back()
    {
        byte[] bytes = Reset.ToBytes();

        DBusMessage read = DBusMessage.Parse(bytes);

        Assert.Equal(bytes.Length, DBusMessage.LengthOf(bytes));
        Assert.Equal(
            (DBusKind.Call, 7u, "/org/freedesktop/systemd1", "ResetFailedUnit", "s", "org.freedesktop.systemd1"),
            (read.Kind, read.Serial, read.Path, read.Member, read.Signature, read.Destination));
        Assert.Equal("a.scope", read.Read().String());
    }

    [Fact]
    public void Values_stand_at_multiples_of_their_size_and_array_lengths_leave_out_the_first_padding()
    {
        DBusWriter writer = new();
        writer.Byte(1);
        writer.Array(8, elements =>
        {
            elements.Align(8);
            elements.String("k");
            elements.Signature("t");
            elements.UInt64(2);
        });

        Assert.Equal("01000000" + "18000000" + "010000006b00" + "017400" + "00000000000000" + "0200000000000000", Convert.ToHexStringLower(writer.Written));
    }

    [Theory]
    [InlineData("t", "0500000000000000")]
    [InlineData("b", "01000000")]
    [InlineData("s", "0100000078" + "00")]
    [InlineData("as", "0e000000" + "010000007800" + "0000" + "010000007900")]
    [InlineData("au", "04000000" + "07000000")]
    public void A_property_is_a_name_and_a_variant(string type, string value)
    {
        UnitProperty property = type switch
        {
            "t" => UnitProperty.Number("P", 5),
            "b" => UnitProperty.Flag("P", true),
            "s" => UnitProperty.Text("P", "x"),
            "as" => UnitProperty.Names("P", "x", "y"),
            _ => UnitProperty.Processes(7),
        };
        DBusWriter writer = new();

        property.WriteTo(writer);

        string head = $"{property.Name.Length:x2}000000" + Convert.ToHexStringLower(Encoding.ASCII.GetBytes(property.Name)) + "00" + $"{type.Length:x2}" + Convert.ToHexStringLower(Encoding.ASCII.GetBytes(type)) + "00";
        int boundary = type == "t" ? 8 : 4;
        while (head.Length / 2 % boundary != 0) head += "00";
        Assert.Equal(head + value, Convert.ToHexStringLower(writer.Written));
    }

    [Theory]
    [InlineData("x")]
    [InlineData("l\u0001\0\u0002\0\0\0\0\u0001\0\0\0\0\0\0\0")]
    [InlineData("l\u0001\0\u0001\u00ff\u00ff\u00ff\u00ff\u0001\0\0\0\0\0\0\0")]
    public void What_is_no_message_of_ours_is_refused(string text) =>
        Assert.Throws<InvalidDataException>(() => DBusMessage.Parse(Encoding.Latin1.GetBytes(text)));

    [Fact]
    public void A_big_endian_answer_is_understood()
    {
        // An empty answer to call 7: fields of eight bytes, REPLY_SERIAL alone.
        byte[] bytes = Convert.FromHexString("42020001" + "00000000" + "00000001" + "00000008" + "05017500" + "00000007");

        DBusMessage read = DBusMessage.Parse(bytes);

        Assert.Equal((DBusKind.Return, 1u, 7u), (read.Kind, read.Serial, read.ReplyTo));
    }
}
